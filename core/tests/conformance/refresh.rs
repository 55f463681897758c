//! The plan Refresh: the ID token of a refresh is checked before anything of the answer is used.

use keyfob::{ErrorKind, Freshness, MinValidity, Reason, SessionState};
use keyfob_idp::On;

use crate::{asked, finishes};

#[test]
fn oidcc_client_test_refresh_token() {
    for (bench, before) in finishes(|_| {}) {
        bench.idp.clear_requests();
        let after = bench.keyfob.refresh_session(before.id()).unwrap();
        bench.keyfob.profile(before.id(), Freshness::secs(0)).unwrap();
        assert_eq!(asked(&bench), ["POST /token", "GET /userinfo"]);
        let (refresh, userinfo) = (&bench.requests("/token")[0], &bench.requests("/userinfo")[0]);
        assert_eq!(refresh.grant_type.as_deref(), Some("refresh_token"));
        assert_eq!(refresh.parameter("refresh_token"), before.provider_refresh_token());
        let answer = refresh.answer_json();
        assert_eq!(
            userinfo.header("authorization"),
            Some(&*format!("Bearer {}", answer["access_token"].as_str().unwrap()))
        );
        assert_eq!(after.provider_refresh_token().unwrap(), answer["refresh_token"]);
        assert_eq!(after.id_token().unwrap(), answer["id_token"]);
        assert_ne!(after.id_token(), before.id_token());
    }
}

/// A refresh whose ID token has another claim than the login's: the session ends, and its new tokens are shown to nobody.
fn ends(claim: &str) {
    for (bench, session) in finishes(|_| {}) {
        bench.script(|script| {
            script.tamper.id_token.append.insert(claim.to_owned(), "1".to_owned());
            script.tamper.id_token.on = On::Refresh;
        });
        bench.idp.clear_requests();
        let error = bench.keyfob.refresh_session(session.id()).unwrap_err();
        assert_eq!((error.kind(), error.reason()), (ErrorKind::LoginRequired, Reason::IdentityMismatch));
        let error = bench.keyfob.profile(session.id(), Freshness::secs(0)).unwrap_err();
        assert_eq!(error.reason(), Reason::IdentityMismatch);
        let error = bench.keyfob.access_token(session.id(), MinValidity::secs(0)).unwrap_err();
        assert_eq!(error.reason(), Reason::IdentityMismatch);
        assert_eq!(asked(&bench), ["POST /token"], "no userinfo");
        let ended = bench.keyfob.session(session.id()).unwrap();
        assert_eq!((ended.state(), ended.provider_access_token()), (SessionState::Ended(Reason::IdentityMismatch), ""));
    }
}

#[test]
fn oidcc_client_test_refresh_token_invalid_issuer() {
    ends("iss");
}

#[test]
fn oidcc_client_test_refresh_token_invalid_sub() {
    ends("sub");
}
