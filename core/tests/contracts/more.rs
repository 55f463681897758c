//! What only some providers have: variables, and logins on another device.

use std::time::Duration;

use keyfob::{DevicePoll, ErrorKind, LoginOptions};
use serde_json::{Value, json};

use crate::contract::{Contract, Variable, merge, read};
use crate::login::Found;
use crate::support::Temp;
use crate::trial::Case;
use crate::wanted::{Wanted, compare};
use crate::world::{ID, open, registration, told};

/// For each form of a variable what fits it, and what does not.
const FORMS: &[(&str, &[&str], &[&str])] = &[
    ("host", &["login.acme.example", "acme.example:8443"], &["acme.example/x", "https://acme.example", "a b", ""]),
    ("host_path", &["acme.example", "acme.example/x/y"], &["https://acme.example", "acme.example/../x", "a b", ""]),
    ("segment", &["acme-1_x"], &["a/b", "a b", "..", ""]),
    ("optional_path", &["acme-1_x", "a/b", ""], &["a//b", "a b", ".."]),
    ("url", &["https://acme.example/x"], &["acme.example", "https://acme.example/x?y=z", "ftp://acme.example", ""]),
    ("text", &["Any text: even / this?"], &["line\nbreak"]),
];

impl Case<'_> {
    /// Variables: what they may be, and what they may not.
    pub fn variables(&self, contract: &Contract) -> Found {
        let mut found = Vec::new();
        for (name, variable) in &contract.variables {
            let all = FORMS.iter().find(|(form, ..)| *form == variable.form);
            let (_, good, bad) = all.ok_or_else(|| format!("{name}: there is no form {}", variable.form))?;
            let strangers: Vec<String> = match variable.one_of.is_empty() {
                true => bad.iter().map(|value| (*value).to_owned()).collect(),
                // One that would fit if it were among them.
                false => good.iter().chain(*bad).map(|value| (*value).to_owned()).collect(),
            };
            let good: Vec<String> = match variable.one_of.is_empty() {
                true => good.iter().map(|value| (*value).to_owned()).collect(),
                false => variable.one_of.clone(),
            };
            for (values, fits) in [(good, true), (strangers, false)] {
                for value in values {
                    let told = self.with_variable(contract, name, Some(&value))?;
                    if told.is_none() != fits {
                        let word = if fits { "is refused" } else { "is taken" };
                        found.push(format!("{name}: {value:?} {word} {}", told.unwrap_or_default()));
                    }
                }
            }
            found.extend(self.without_variable(contract, name, variable)?);
        }
        Ok(found)
    }

    /// Registrations that are not taken.
    pub fn registrations(&self, contract: &Contract) -> Found {
        let mut found = Vec::new();
        for (index, change) in contract.refused_registrations.iter().enumerate() {
            let mut other = contract.clone();
            let mut said = json!(contract.registration);
            merge(&mut said, &Value::Object(change.clone()));
            other.registration = read(&said, "refused_registrations")?;
            if open(self.id, self.provider, registration(self.id, &other)?, &Temp::new(), None).is_ok() {
                found.push(format!("refused_registrations {}: it is taken", index + 1));
            }
        }
        Ok(found)
    }

    /// Why a registration with that value, or without one, is refused.
    fn with_variable(&self, contract: &Contract, name: &str, value: Option<&str>) -> Result<Option<String>, String> {
        let mut other = contract.clone();
        match value {
            Some(value) => drop(other.registration.variables.insert(name.to_owned(), value.to_owned())),
            None => drop(other.registration.variables.remove(name)),
        }
        let temp = Temp::new();
        Ok(open(self.id, self.provider, registration(self.id, &other)?, &temp, None).err())
    }

    /// Without a value the default counts; without a default it is refused.
    fn without_variable(&self, contract: &Contract, name: &str, variable: &Variable) -> Found {
        let told = self.with_variable(contract, name, None)?;
        Ok(match (&variable.default, told) {
            (Some(_), Some(told)) => {
                vec![format!("{name}: it has a default, and a registration without it is refused: {told}")]
            }
            (None, None) => vec![format!("{name}: a registration without it is taken")],
            _ => Vec::new(),
        })
    }

    /// A login on another device.
    pub fn device(&self, contract: &Contract) -> Found {
        let Some(device) = &contract.device else {
            let document = contract.discovery.as_ref().map(|discovery| &discovery.document);
            if document.is_some_and(|document| document.contains_key("device_authorization_endpoint")) {
                // It is the metadata's word then, and nothing of it is particular.
                return Ok(Vec::new());
            }
            let world = self.open(contract)?;
            return Ok(match world.keyfob.begin_device_login(ID, LoginOptions::new()) {
                Err(error) if error.kind() == ErrorKind::Configuration => Vec::new(),
                Err(error) => vec![format!("there is none, and beginning it gave {}", told(&error))],
                Ok(_) => vec!["the contract has none".to_owned()],
            });
        };
        let mut world = self.open(contract)?;
        world.masks.set("device_code", "dc-1");
        let codes = device.answer.clone().unwrap_or_else(|| {
            json!({ "json": { "device_code": "{device_code}", "user_code": "WDJB-MJHT", "expires_in": 900, "interval": 5,
                              "verification_uri": "https://acme.example/device" } })
        });
        let request = |url: &str,
                       form: &crate::contract::Pairs,
                       headers: &std::collections::BTreeMap<String, String>,
                       masks: &crate::masks::Masks| {
            let mut wanted = Wanted::new("POST", &masks.fill(url));
            wanted.form = masks.pairs(form);
            wanted.headers = headers.iter().map(|(name, value)| (name.clone(), masks.fill(value))).collect();
            wanted
        };
        world.play(&[("POST".to_owned(), device.url.clone(), codes)])?;
        let begun = world.keyfob.begin_device_login(ID, LoginOptions::new());
        let wanted = request(&device.url, &device.form, &device.headers, &world.masks);
        let mut found = compare(&[wanted], &world.came());
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => {
                found.push(format!("it could not begin: {}", told(&error)));
                return Ok(found);
            }
        };
        if begun.user_code().is_empty() || begun.verification_uri().is_empty() {
            found.push("there is nothing to show to the user".to_owned());
        }
        world.clock.pass(begun.interval() + Duration::from_secs(1));
        let mut wanted = vec![request(&device.poll.url, &device.poll.form, &device.poll.headers, &world.masks)];
        let answer = device.poll.answer.clone().unwrap_or_else(|| contract.token.answer.clone());
        world.next_tokens(&answer);
        wanted.extend(
            contract.requests.iter().filter(|asked| asked.is_of("login")).map(|asked| Wanted::of(asked, &world.masks)),
        );
        let mut answers = world.answers(None, "login");
        answers.push(("POST".to_owned(), device.poll.url.clone(), answer));
        world.play(&answers)?;
        let polled = world.keyfob.poll_device_login(begun.id());
        found.extend(compare(&wanted, &world.came()));
        match polled {
            Ok(DevicePoll::Done(done)) => found.extend(world.profile(done.session().profile(), &contract.session)),
            Ok(other) => found.push(format!("the poll brought {other:?}")),
            Err(error) => found.push(format!("the poll failed: {}", told(&error))),
        }
        Ok(found)
    }
}
