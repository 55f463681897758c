//! A user at a browser with cookies: follows redirects within the provider, fills in its forms, and stops where it is
//! sent elsewhere. That address is the app's.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use ureq::http::Response;
use url::Url;

use crate::peer::agent;

/// More pages than that and it goes in circles.
const MAX_STEPS: usize = 20;

/// A browser, with the cookies that it got.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// What the browser came to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Page {
    /// It was sent away from the provider, to this URL.
    Away(String),
    /// The provider shows a page.
    #[non_exhaustive]
    Shown {
        /// Its address.
        at: Url,
        /// Its status.
        status: u16,
        /// Its HTML.
        html: String,
    },
}

impl Browser {
    /// Without any cookies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs in under a name and allows whatever is asked. Gives the URL that the provider redirects to.
    ///
    /// # Errors
    /// The provider shows a page that leads no further.
    pub fn log_in(&mut self, authorization_url: &str, name: &str) -> Result<String> {
        let mut page = self.open(authorization_url)?;
        for _ in 0..MAX_STEPS {
            page = match page {
                Page::Away(url) => return Ok(url),
                shown => self.submit(&shown, &[("login", name), ("password", "any")])?,
            };
        }
        bail!("the provider asks again and again: {page:?}");
    }

    /// Opens a URL of the provider.
    ///
    /// # Errors
    /// The provider does not answer, or redirects without end.
    pub fn open(&mut self, url: &str) -> Result<Page> {
        self.follow(Url::parse(url)?, None)
    }

    /// Submits the page's form, with what the user typed or pressed.
    ///
    /// # Errors
    /// There is no form; or as [`Browser::open`].
    pub fn submit(&mut self, page: &Page, typed: &[(&str, &str)]) -> Result<Page> {
        let Page::Shown { at, html, .. } = page else { bail!("the browser is no longer at the provider: {page:?}") };
        let form = element(html, "form").with_context(|| format!("no form: {page:?}"))?;
        let action = at.join(&attribute(form, "action").unwrap_or_default())?;
        let inputs = form.split("<input").skip(1).filter_map(|input| input.split_once('>')).map(|(tag, _)| tag);
        let mut fields: Vec<(String, String)> = inputs
            .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
            .collect();
        fields.extend(typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.follow(action, Some(fields))
    }

    /// Follows the page's link that says `words`.
    ///
    /// # Errors
    /// There is no such link; or as [`Browser::open`].
    pub fn click(&mut self, page: &Page, words: &str) -> Result<Page> {
        let Page::Shown { at, html, .. } = page else { bail!("the browser is no longer at the provider: {page:?}") };
        let before = html.split_once(words).map(|(before, _)| before);
        let tag = before.and_then(|before| before.rsplit_once("<a")).map(|(_, tag)| tag);
        let link = tag.and_then(|tag| attribute(tag, "href")).with_context(|| format!("no {words:?}: {page:?}"))?;
        self.follow(at.join(&link)?, None)
    }

    fn follow(&mut self, mut url: Url, mut form: Option<Vec<(String, String)>>) -> Result<Page> {
        let provider = url.origin();
        let agent = agent();
        for _ in 0..MAX_STEPS {
            let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            let cookies = cookies.join("; ");
            let mut answer = match form.take() {
                Some(fields) => agent.post(url.as_str()).header("cookie", cookies).send_form(fields)?,
                None => agent.get(url.as_str()).header("cookie", cookies).call()?,
            };
            self.keep_cookies(&answer);
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| answer.status().is_redirection()) else {
                let (status, html) = (answer.status().as_u16(), answer.body_mut().read_to_string()?);
                return Ok(Page::Shown { at: url, status, html });
            };
            let next = url.join(location)?;
            if next.origin() != provider {
                // Letter for letter, as the provider wrote it.
                return Ok(Page::Away(location.to_owned()));
            }
            url = next;
        }
        bail!("redirected without end, last to {url}");
    }

    /// By name alone: one provider, whose cookies for one path each have different names.
    fn keep_cookies<T>(&mut self, answer: &Response<T>) {
        for cookie in answer.headers().get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The first element of that name, from its own attributes to its end.
fn element<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = html.split_once(&format!("<{name}"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

/// The first quoted attribute of that name.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

/// `&amp;` last, or it would make new escapes.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}
