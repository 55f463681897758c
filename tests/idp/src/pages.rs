//! The pages that a person sees: plain HTML that works without scripts, with a keyboard and with a screen
//! reader, and loads nothing from anywhere.

use crate::keys;
use crate::message::Answer;
use crate::script::User;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2430;--soft:#556070;--line:#d5dbe3;--card:#fff;--ground:#eef1f5;--lead:#1f5fbf;--over:#184d9c;--tint:#eef4fd;--bad:#b3261e;--badly:#fdf0ef}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf2;--soft:#a3aebd;--line:#3a4453;--card:#1d242e;--ground:#12171e;--lead:#7fb0ff;--over:#a5c8ff;--tint:#263347;--bad:#ff9d94;--badly:#3a2526}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:clamp(.75rem,4vw,1.5rem);background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\
main{width:100%;max-width:27rem;min-width:0;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:clamp(1.25rem,6vw,2rem);overflow-wrap:anywhere}\
main>:last-child{margin-bottom:0}\
.kind{margin:0 0 1rem;color:var(--soft);font-size:.8125rem;font-weight:600}\
h1{font-size:1.375rem;line-height:1.25;margin:0 0 .5rem}p{margin:0 0 1rem;color:var(--soft)}\
h2{font-size:1rem;margin:0 0 .25rem}\
ul{margin:0 0 1.25rem;padding-left:1.2rem}li code{color:var(--soft);font-size:.8125rem}\
label{display:block;font-weight:600;margin:1rem 0 .25rem}\
input{width:100%;padding:.6rem .7rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--soft);border-radius:8px}\
input[aria-invalid]{border-color:var(--bad)}\
input:focus-visible,button:focus-visible,summary:focus-visible{outline:3px solid var(--lead);outline-offset:2px;border-radius:8px}\
.buttons{display:flex;gap:.75rem;margin-top:1.5rem;flex-wrap:wrap}\
button{flex:1 1 7rem;padding:.65rem 1rem;font:inherit;font-weight:600;border-radius:8px;border:1px solid var(--lead);background:transparent;color:var(--lead);cursor:pointer}\
button.lead{flex:2 1 12rem;background:var(--lead);color:var(--card)}\
input.code{font-size:1.375rem;font-weight:600;letter-spacing:.12em;text-transform:uppercase}\
button:hover{background:var(--tint)}button.lead:hover{background:var(--over);border-color:var(--over)}\
.problem{color:var(--bad);background:var(--badly);border:1px solid var(--bad);border-radius:8px;padding:.6rem .8rem}\
details,footer{margin-top:1.5rem;color:var(--soft);font-size:.875rem}details ul{margin:.5rem 0 0}summary{cursor:pointer;padding:.25rem 0}\
details+footer{margin-top:.75rem}";

/// No form-action: browsers apply it to the redirect after the form too, and that one leads to the app.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The sign-in page, which also asks for consent.
#[derive(Debug)]
pub(crate) struct SignIn<'a> {
    pub(crate) app: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) redirect_uri: &'a str,
    /// The authorization request's query, carried through the form.
    pub(crate) request: &'a str,
    pub(crate) username: &'a str,
    pub(crate) problem: Option<&'a str>,
    pub(crate) users: &'a [User],
}

impl SignIn<'_> {
    pub(crate) fn answer(&self, status: u16) -> Answer {
        let app = escape(self.app);
        let problem = problem(self.problem);
        let described = described(self.problem);
        let scopes: String = self
            .scopes
            .iter()
            .map(|scope| format!("<li>{} <code>{}</code></li>", describe(scope), escape(scope)))
            .collect();
        let wishes =
            if scopes.is_empty() { String::new() } else { format!("<h2>It asks to</h2>\n<ul>{scopes}</ul>\n") };
        let body = format!(
            "<h1>Sign in to {app}</h1>\n<p>{app} wants to know who you are.</p>\n{problem}\
             <form method=\"post\" action=\"/authorize\">\n\
             <input type=\"hidden\" name=\"request\" value=\"{request}\">\n{wishes}\
             {credentials}\
             <div class=\"buttons\">\n\
             <button class=\"lead\" name=\"decision\" value=\"allow\">Sign in and allow</button>\n\
             <button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>\n</div>\n</form>\n\
             {users}\n\
             <footer>Afterwards you return to <code>{redirect}</code>.</footer>",
            request = escape(self.request),
            credentials = credentials(self.username, described),
            users = who(self.users),
            redirect = escape(self.redirect_uri),
        );
        // First of all what a screen reader says when the page comes back.
        let title = if self.problem.is_some() { "Problem: sign in to" } else { "Sign in to" };
        page(status, &format!("{title} {app}"), &body)
    }
}

/// The page where the user of a device types in its code.
#[derive(Debug)]
pub(crate) struct DevicePage<'a> {
    pub(crate) user_code: &'a str,
    pub(crate) username: &'a str,
    pub(crate) problem: Option<&'a str>,
    pub(crate) users: &'a [User],
}

impl DevicePage<'_> {
    pub(crate) fn answer(&self, status: u16) -> Answer {
        let problem = problem(self.problem);
        let described = described(self.problem);
        let body = format!(
            "<h1>Connect a device</h1>\n<p>Type in the code that the device shows. If one stands here already, compare the two.</p>\n{problem}\
             <form method=\"post\" action=\"/device\">\n\
             <label for=\"user_code\">Code</label>\n\
             <input id=\"user_code\" name=\"user_code\" class=\"code\" value=\"{code}\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" required{described}>\n\
             {credentials}\
             <div class=\"buttons\">\n\
             <button class=\"lead\" name=\"decision\" value=\"allow\">Sign in and connect</button>\n\
             <button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>\n</div>\n</form>\n{users}",
            code = escape(self.user_code),
            credentials = credentials(self.username, described),
            users = who(self.users),
        );
        page(status, if self.problem.is_some() { "Problem: connect a device" } else { "Connect a device" }, &body)
    }
}

/// The page after the user has decided about a device.
pub(crate) fn device_decided(allowed: bool) -> Answer {
    if allowed {
        page(200, "Connected", "<h1>Your device is connected</h1>\n<p>Go back to it. You can close this page.</p>")
    } else {
        page(200, "Denied", "<h1>The device was not connected</h1>\n<p>You can close this page.</p>")
    }
}

/// The answer as a form that sends itself to the app (OAuth 2.0 Form Post Response Mode).
pub(crate) fn form_post(redirect_uri: &str, parameters: &[(String, String)]) -> Answer {
    const SUBMIT: &str = "document.forms[0].submit()";
    let inputs: String = parameters
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">\n", escape(name), escape(value)))
        .collect();
    let body = format!(
        "<h1>Back to the app</h1>\n<form method=\"post\" action=\"{action}\">\n{inputs}\
         <div class=\"buttons\"><button class=\"lead\">Continue</button></div>\n</form>\n<script>{SUBMIT}</script>",
        action = escape(redirect_uri),
    );
    let policy = format!("{POLICY}; script-src 'sha256-{}'", keys::sha256_base64(SUBMIT));
    page(200, "Back to the app", &body).with("content-security-policy", &policy)
}

/// The page for what must not be sent back to the app.
pub(crate) fn failure(problem: &str) -> Answer {
    let body = format!(
        "<h1>This login cannot go on</h1>\n<p class=\"problem\" role=\"alert\">{}</p>\n\
         <p>Nothing was sent to the app. Close this page and begin again from the app.</p>",
        escape(problem)
    );
    page(400, "This login cannot go on", &body)
}

/// The page after a logout that leads nowhere.
pub(crate) fn signed_out() -> Answer {
    page(200, "Signed out", "<h1>You are signed out</h1>\n<p>You can close this page.</p>")
}

/// What is wrong, where something is.
fn problem(problem: Option<&str>) -> String {
    problem.map_or_else(String::new, |problem| {
        format!("<p class=\"problem\" role=\"alert\" id=\"problem\">{}</p>\n", escape(problem))
    })
}

fn described(problem: Option<&str>) -> &'static str {
    if problem.is_some() { " aria-describedby=\"problem\" aria-invalid=\"true\"" } else { "" }
}

/// The fields that say who signs in.
fn credentials(username: &str, described: &str) -> String {
    format!(
        "<label for=\"username\">User name</label>\n\
         <input id=\"username\" name=\"username\" value=\"{username}\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\" required autofocus{described}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\" required{described}>\n",
        username = escape(username),
    )
}

/// A help for whoever plays the user.
fn who(users: &[User]) -> String {
    let users: String = users
        .iter()
        .map(|user| {
            format!(
                "<li><code>{}</code> with the password <code>{}</code></li>",
                escape(&user.username),
                escape(&user.password)
            )
        })
        .collect();
    format!("<details><summary>Who can sign in here</summary><ul>{users}</ul></details>")
}

/// A whole page. `title` and `body` are HTML already.
fn page(status: u16, title: &str, body: &str) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} – keyfob-idp</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<p class=\"kind\">keyfob-idp, a provider for tests</p>\n{body}\n</main>\n</body>\n</html>\n"
    );
    Answer::empty(status)
        .with("content-type", "text/html; charset=utf-8")
        .with("content-security-policy", POLICY)
        .with("referrer-policy", "no-referrer")
        .with("x-content-type-options", "nosniff")
        .uncached()
        .body(html)
}

fn describe(scope: &str) -> &'static str {
    match scope {
        "address" => "see your postal address",
        "email" => "see your e-mail address",
        "offline_access" => "stay signed in while you are away",
        "openid" => "know that it is you",
        "phone" => "see your phone number",
        "profile" => "see your name and picture",
        _ => "use a permission of its own",
    }
}

/// Makes text harmless inside an element and inside a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
