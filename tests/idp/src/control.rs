//! `/_idp/…`: how a test in another process reads the log and changes the script. Never logged itself.

use serde_json::json;

use crate::masked::masked;
use crate::message::{Answer, Asked};
use crate::script::Script;
use crate::state::State;

/// `GET /_idp/requests`: the log, oldest first.
pub(crate) fn requests(state: &mut State, _asked: &Asked) -> Answer {
    Answer::json(200, &json!(state.log.entries())).uncached()
}

/// `GET /_idp/requests/masked`: the log without what differs from one run to the next.
pub(crate) fn masked_requests(state: &mut State, _asked: &Asked) -> Answer {
    Answer::json(200, &json!(masked(&state.log.entries()))).uncached()
}

/// `DELETE /_idp/requests`: empties it.
pub(crate) fn clear_requests(state: &mut State, _asked: &Asked) -> Answer {
    state.log.clear();
    Answer::empty(204)
}

/// `GET /_idp/script`: the script being played, with every key.
pub(crate) fn script(state: &mut State, _asked: &Asked) -> Answer {
    Answer::json(200, &json!(state.script)).uncached()
}

/// `PUT /_idp/script`: replaces it. A script that is not valid changes nothing.
pub(crate) fn set_script(state: &mut State, asked: &Asked) -> Answer {
    match Script::from_json(&asked.body).and_then(|script| state.set_script(script)) {
        Ok(()) => Answer::empty(204),
        Err(error) => {
            Answer::json(400, &json!({ "error": "invalid_script", "key": error.key, "problem": error.problem }))
        }
    }
}
