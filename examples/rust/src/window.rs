//! A login in the user's own browser, on a machine with a screen or without: Keyfob listens for the redirect, and the terminal takes it too.

use std::io::{self, BufRead as _, Write as _};
use std::thread;

use keyfob::{Browser, LoginControl, open_browser};

/// Opens the system's browser. Without one it prints the URL, for a browser that reaches this machine's loopback port (`ssh -L`), or for any other, whose
/// address bar has the redirect in the end: that may be pasted.
pub(crate) struct Window {
    control: LoginControl,
}

impl Window {
    /// For the login that has this control.
    pub(crate) fn new(control: &LoginControl) -> Self {
        Self { control: control.clone() }
    }
}

impl Browser for Window {
    fn open(&self, url: &str) -> bool {
        if open_browser(url) {
            return say("    Your browser is open. Sign in as ada, password lovelace, if it is the demo's provider.\n");
        }
        let shown = say(&format!(
            "    No browser can be opened here. Open this URL in one, and sign in (ada, password\n    lovelace, if it is the demo's provider):\n\n{url}\n\n    \
             If the browser cannot reach this machine in the end, paste the whole address\n    from its address bar here.\n"
        ));
        let control = self.control.clone();
        // Ends with the program: nobody can wake a thread that reads from a terminal.
        thread::spawn(move || read_pastes(&control));
        shown
    }
}

fn read_pastes(control: &LoginControl) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        match control.hand_over(&line) {
            Ok(()) => return,
            Err(_) if line.trim().is_empty() => {}
            Err(error) => {
                say(&format!("    That was not it, and nothing was sent. {error}. Paste the whole address.\n"));
            }
        }
    }
}

/// The login's own thread has the paper; this is said beside it.
fn say(text: &str) -> bool {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}
