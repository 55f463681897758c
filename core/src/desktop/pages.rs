//! What the browser shows at the end of a login: a page of our own, or it is sent on to one of the app's.
//!
//! The page is one piece: no script, nothing from anywhere else, and nothing of what the browser sent (security S78). What it says is the app's or stands
//! here; the only thing that varies is the name of the reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use url::Url;

use crate::error::{Error, ErrorKind};

/// What the pages at the end of a login in the browser say. Everything has an English default.
///
/// ```
/// let pages = keyfob::LoginPages::new("Notes")
///     .language("de")
///     .success("Angemeldet", "Sie k\u{f6}nnen dieses Fenster schlie\u{df}en.");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginPages {
    app: Option<String>,
    language: String,
    right_to_left: bool,
    success: Option<Words>,
    denied: Option<Words>,
    failure: Option<Words>,
}

#[derive(Clone, Debug)]
struct Words {
    title: String,
    text: String,
}

impl Default for LoginPages {
    fn default() -> Self {
        let language = "en".to_owned();
        Self { app: None, language, right_to_left: false, success: None, denied: None, failure: None }
    }
}

impl LoginPages {
    /// Pages that call the app by this name.
    pub fn new(app: impl Into<String>) -> Self {
        Self { app: Some(app.into()), ..Self::default() }
    }

    /// The language of the texts (BCP 47, for instance `de` or `pt-BR`), for screen readers. The defaults are `en`.
    pub fn language(mut self, tag: impl Into<String>) -> Self {
        self.language = tag.into();
        self
    }

    /// Whether the texts are written from right to left.
    pub fn right_to_left(mut self, right_to_left: bool) -> Self {
        self.right_to_left = right_to_left;
        self
    }

    /// Title and text after a login. Plain text.
    pub fn success(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.success = Some(Words::new(title, text));
        self
    }

    /// Title and text after the user, or the provider's policy, said no. Plain text.
    pub fn denied(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.denied = Some(Words::new(title, text));
        self
    }

    /// Title and text after any other failure: what to do now. Plain text; the name of the reason stands below it.
    pub fn failure(mut self, title: impl Into<String>, text: impl Into<String>) -> Self {
        self.failure = Some(Words::new(title, text));
        self
    }
}

impl Words {
    fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self { title: title.into(), text: text.into() }
    }
}

/// What the browser is answered with.
pub(crate) enum Page {
    /// 303 to a link of the app's.
    Elsewhere(String),
    Html {
        status: u16,
        html: String,
    },
}

impl Page {
    /// After a login, where the app may have a link for it.
    pub(crate) fn success(pages: &LoginPages, link: Option<&str>) -> Self {
        link.and_then(elsewhere).unwrap_or_else(|| {
            let app = pages.app.as_deref().unwrap_or("the app");
            let words = pages.success.clone().unwrap_or_else(|| {
                Words::new("You are signed in", format!("You can close this window and go back to {app}."))
            });
            Self::Html { status: 200, html: html(pages, &words, GOOD, None) }
        })
    }

    /// After a failure, where the app may have a link for it.
    pub(crate) fn failure(pages: &LoginPages, link: Option<&str>, error: &Error) -> Self {
        link.and_then(elsewhere).unwrap_or_else(|| {
            let app = pages.app.as_deref().unwrap_or("the app");
            if error.kind() == ErrorKind::AccessDenied {
                let words = pages.denied.clone().unwrap_or_else(|| {
                    Words::new(
                        "You are not signed in",
                        format!("Access was declined. If you did not mean that, go back to {app} and sign in again. You can close this window."),
                    )
                });
                return Self::Html { status: 403, html: html(pages, &words, DECLINED, None) };
            }
            let words = pages.failure.clone().unwrap_or_else(|| {
                Words::new(
                    "Signing in did not work",
                    format!("Close this window, go back to {app} and try again. If it keeps happening, mention this:"),
                )
            });
            Self::Html { status: 400, html: html(pages, &words, BAD, Some(error.reason().name())) }
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Elsewhere(link) => head(303, &[("Location", link), ("Content-Length", "0")]).into_bytes(),
            Self::Html { status, html } => {
                let length = html.len().to_string();
                let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
                let policy = format!(
                    "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                );
                let head = head(
                    *status,
                    &[
                        ("Content-Type", "text/html; charset=utf-8"),
                        ("Content-Length", &length),
                        ("Content-Security-Policy", &policy),
                    ],
                );
                let mut bytes = head.into_bytes();
                bytes.extend_from_slice(html.as_bytes());
                bytes
            }
        }
    }
}

/// The answer to what is no redirect of the login that waits: always the same words.
pub(super) fn refusal(status: u16) -> Vec<u8> {
    const TEXT: &str =
        "This is not the login that is waiting here. You can close this window and go back to the app.\n";
    let length = TEXT.len().to_string();
    let mut bytes =
        head(status, &[("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", &length)]).into_bytes();
    bytes.extend_from_slice(TEXT.as_bytes());
    bytes
}

/// The URL that the browser came with has a code in it: it goes into no cache and no `Referer`.
fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let phrase = match status {
        200 => "OK",
        303 => "See Other",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        421 => "Misdirected Request",
        _ => "Bad Request",
    };
    let mut head = format!("HTTP/1.1 {status} {phrase}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
    );
    head
}

/// A link of the app's as a browser can follow it: absolute, in its written form, and not a page in itself.
fn elsewhere(link: &str) -> Option<Page> {
    let url = Url::parse(link).ok()?;
    let is_page = matches!(url.scheme(), "about" | "blob" | "data" | "file" | "javascript");
    (!is_page).then(|| Page::Elsewhere(url.into()))
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#18202c;--soft:#55606f;--card:#fff;--ground:#eef1f6;--glow:#dfe7f5;--line:#dfe4ec;--good:#12774a;--good-tint:#e2f4ea;--bad:#b3261e;--bad-tint:#fbe9e7;--mild:#8a5a00;--mild-tint:#fbf0da;--shade:0 1px 2px rgb(24 32 44/.06),0 18px 48px -12px rgb(24 32 44/.18)}\
@media(prefers-color-scheme:dark){:root{--ink:#eef2f8;--soft:#a9b4c4;--card:#1b222d;--ground:#0f141b;--glow:#1a2536;--line:#2d3746;--good:#6ddba2;--good-tint:#173529;--bad:#ff9f96;--bad-tint:#3d2322;--mild:#f2c46d;--mild-tint:#38301c;--shade:0 1px 2px rgb(0 0 0/.4),0 18px 48px -12px rgb(0 0 0/.6)}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:clamp(1rem,5vw,2.5rem);background:radial-gradient(60rem 30rem at 50% 0,var(--glow),transparent 70%) var(--ground);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",\"Noto Sans\",sans-serif;-webkit-text-size-adjust:100%}\
main{width:100%;max-width:28rem;min-width:0;padding:clamp(2rem,8vw,3rem) clamp(1.5rem,7vw,2.75rem);background:var(--card);border:1px solid var(--line);border-radius:1.5rem;box-shadow:var(--shade);text-align:center;overflow-wrap:anywhere}\
.mark{width:4.5rem;height:4.5rem;margin:0 auto 1.5rem;border-radius:50%;display:grid;place-items:center}\
.mark svg{width:2.25rem;height:2.25rem;fill:none;stroke:currentColor;stroke-width:2.5;stroke-linecap:round;stroke-linejoin:round}\
.good{color:var(--good);background:var(--good-tint)}.bad{color:var(--bad);background:var(--bad-tint)}.mild{color:var(--mild);background:var(--mild-tint)}\
.app{margin:0 0 .375rem;color:var(--soft);font-size:.9375rem;font-weight:600}\
h1{margin:0;font-size:clamp(1.5rem,5.5vw,1.75rem);line-height:1.25;font-weight:700;letter-spacing:-.015em;text-wrap:balance}\
.text{margin:.875rem 0 0;color:var(--soft);text-wrap:balance}\
.reason{margin:1.75rem 0 0;padding-top:1.25rem;border-top:1px solid var(--line);color:var(--soft);font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\
@media(forced-colors:active){.mark{border:2px solid}}";

/// A mark: its class and what is drawn.
type Mark = (&'static str, &'static str);

const GOOD: Mark = ("good", "<path d=\"M5 12.5l4.5 4.5L19 7.5\"/>");
const BAD: Mark = ("bad", "<path d=\"M12 5v8.5M12 18.5v.1\"/>");
const DECLINED: Mark = ("mild", "<path d=\"M6.5 12h11\"/>");

fn html(pages: &LoginPages, words: &Words, (class, drawn): Mark, reason: Option<&str>) -> String {
    let app = pages.app.as_deref().map(escape);
    let name = app.as_deref().map(|app| format!("<p class=\"app\">{app}</p>\n")).unwrap_or_default();
    let behind = app.as_deref().map(|app| format!(" \u{2013} {app}")).unwrap_or_default();
    let reason = reason.map(|reason| format!("<p class=\"reason\">{}</p>\n", escape(reason))).unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}{behind}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <main>\n<div class=\"mark {class}\" aria-hidden=\"true\"><svg viewBox=\"0 0 24 24\">{drawn}</svg></div>\n\
         {name}<h1>{title}</h1>\n<p class=\"text\">{text}</p>\n{reason}</main>\n</body>\n</html>\n",
        language = escape(&pages.language),
        direction = if pages.right_to_left { "rtl" } else { "ltr" },
        title = escape(&words.title),
        text = escape(&words.text),
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    fn text(page: &Page) -> String {
        String::from_utf8(page.to_bytes()).unwrap()
    }

    #[test]
    fn s78_a_page_is_static_uncached_and_loads_nothing() {
        let error = Error::new(Reason::ServerError).with_oauth(crate::error::OAuthError::new(
            "server_error",
            Some("<script>CANARY</script>"),
            None,
        ));
        let pages = LoginPages::new("No<b>tes").failure("A & B", "\"quoted\"").language("x\" onload=\"y");
        for page in [
            Page::success(&LoginPages::default(), None),
            Page::failure(&LoginPages::default(), None, &error),
            Page::failure(&LoginPages::default(), None, &Error::new(Reason::AccessDenied)),
            Page::failure(&pages, None, &error),
        ] {
            let text = text(&page);
            for header in ["Cache-Control: no-store", "Referrer-Policy: no-referrer", "default-src 'none'", "nosniff"] {
                assert!(text.contains(header), "{header}: {text}");
            }
            for never in ["<script", "CANARY", "http:", "https:", "<b>", "\" onload=\"", "<link", "<img", "style=\""] {
                assert!(!text.contains(never), "{never}: {text}");
            }
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        }
        let shown = text(&Page::failure(&pages, None, &error));
        assert!(shown.contains("No&lt;b&gt;tes") && shown.contains("A &amp; B") && shown.contains(">ServerError<"));
    }

    #[test]
    fn s78_only_the_app_s_own_links_are_followed_and_never_into_a_page_in_a_url() {
        let at = |link: &str| Page::success(&LoginPages::default(), Some(link));
        assert!(text(&at("app:/home")).contains("\r\nLocation: app:/home\r\n"));
        assert!(text(&at("https://notes.example/in?a=b c")).contains("Location: https://notes.example/in?a=b%20c\r\n"));
        for link in ["javascript:alert(1)", "data:text/html,x", "home", "/home", "file:///etc/passwd"] {
            assert!(matches!(at(link), Page::Html { .. }), "{link}");
        }
        assert!(!text(&at("app:/home\r\nX: y")).contains("\r\nX: y"));
    }
}
