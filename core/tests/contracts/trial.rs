//! What is tried of one provider, step by step.

use keyfob::{Loopback, Provider};
use keyfob_idp::Idp;
use serde_json::Value;

use crate::contract::{Contract, varied};
use crate::flow::refreshing;
use crate::login::Found;
use crate::wanted::differs;
use crate::world::{ID, World, check_answer, told};

/// What the guide says of refresh tokens, by the contract's word for it.
const RENEWAL: [(&str, &str); 5] = [
    ("always", "gives a refresh token with each login"),
    ("never", "gives no refresh tokens"),
    ("scope", "where the scopes ask for a refresh token"),
    ("parameter", "asks for a refresh token by a parameter"),
    ("setting", "depends on how the app is set up there"),
];

/// One provider's file and its contract.
pub struct Case<'a> {
    pub idp: &'a Idp,
    pub id: &'a str,
    pub provider: &'a str,
    pub contract: &'a Value,
    /// Stops at the first step that fails.
    pub hasty: bool,
}

impl Case<'_> {
    /// Everything that is wrong, a line each.
    pub fn run(&self) -> Vec<String> {
        let mut all = Vec::new();
        let contract = match self.read() {
            Ok(contract) => contract,
            Err(problems) => return problems,
        };
        let provider = match Provider::from_json(self.provider) {
            Ok(provider) => provider,
            Err(error) => return vec![format!("the provider file is refused: {}", told(&error))],
        };
        let mut step = |what: &str, found: Found| {
            let found = found.unwrap_or_else(|problem| problem.lines().map(str::to_owned).collect());
            all.extend(found.iter().map(|line| format!("{what}: {line}")));
            self.hasty && !all.is_empty()
        };
        if step("names", Ok(self.names(&contract, &provider)))
            || step("guide", self.guide(&contract))
            || step("login", self.whole_way(&contract))
        {
            return all;
        }
        for (index, variant) in contract.variants.iter().enumerate() {
            let what = variant.get("what").and_then(Value::as_str).unwrap_or_default();
            let varied = Contract::read(&varied(self.contract, variant));
            let found = varied.and_then(|varied| self.variant(&varied));
            if step(format!("variant {} {what}", index + 1).trim_end(), found) {
                return all;
            }
        }
        if step("variables", self.variables(&contract))
            || step("registration", self.registrations(&contract))
            || step("issuers", self.issuers(&contract))
            || step("signing", self.signing(&contract))
            || step("redirects", self.redirects(&contract))
            || step("refused", self.refusals(&contract))
            || step("device", self.device(&contract))
            || step("whole_grant", self.whole_grant(&contract))
        {
            return all;
        }
        all
    }

    fn names(&self, contract: &Contract, provider: &Provider) -> Vec<String> {
        let mut found = Vec::new();
        if provider.id() != self.id {
            // Not that it may pass for the one that is built in.
            found.push(differs("id", Some(self.id), Some(provider.id())));
        }
        if provider.display_name() != contract.name {
            found.push(differs("name", Some(&contract.name), Some(provider.display_name())));
        }
        let mut there = provider.aliases().to_vec();
        let mut wanted = contract.aliases.clone();
        there.sort();
        wanted.sort();
        if there != wanted {
            found.push(format!("aliases: expected {wanted:?}, got {there:?}"));
        }
        found
    }

    /// The contract, where it and all its variants are of their form.
    fn read(&self) -> Result<Contract, Vec<String>> {
        let contract = Contract::read(self.contract).map_err(|problem| vec![problem])?;
        let variants = contract.variants.iter().enumerate();
        let read = variants.map(|(index, variant)| (index + 1, Contract::read(&varied(self.contract, variant))));
        let of_variant =
            |(number, read): (usize, Result<Contract, String>)| Some(format!("variant {number}: {}", read.err()?));
        let mut problems: Vec<String> = read.filter_map(of_variant).collect();
        let refusals = [&contract.refused, &contract.dead, &contract.alive].into_iter().flatten();
        let answers = refusals.map(|refusal| Value::Object(refusal.answer.clone()));
        let answers = answers.chain(contract.requests.iter().map(|request| request.answer.clone()));
        let answers = answers.chain([contract.token.answer.clone()]);
        problems.extend(answers.filter_map(|answer| check_answer(&answer).err()));
        let mut refresh = contract.refresh.as_ref();
        while let Some(said) = refresh {
            problems.extend(refreshing(&contract, said).and_then(|(token, _)| check_answer(&token.answer)).err());
            refresh = said.again.as_deref();
        }
        if problems.is_empty() { Ok(contract) } else { Err(problems) }
    }

    pub fn open(&self, contract: &Contract) -> Result<World<'_>, String> {
        World::open(self.idp, self.id, self.provider, contract.clone())
    }

    fn guide(&self, contract: &Contract) -> Found {
        let world = self.open(contract)?;
        let guide = world.keyfob.registration_guide(ID).map_err(|error| told(&error))?;
        let mut found = Vec::new();
        let wanted = &contract.guide;
        if guide.accepts_custom_scheme() != wanted.custom_scheme {
            let (wanted, there) = (wanted.custom_scheme, guide.accepts_custom_scheme());
            found.push(format!("custom_scheme: expected {wanted:?}, got {there:?}"));
        }
        let loopback = guide.accepts_loopback().map(|loopback| match loopback {
            Loopback::AnyPort => "any_port",
            Loopback::Exact => "exact",
            Loopback::None => "none",
            _ => "something new",
        });
        if loopback != wanted.loopback.as_deref() {
            found.push(differs("loopback", wanted.loopback.as_deref(), loopback));
        }
        let steps = guide.steps();
        for (word, sentence) in RENEWAL {
            let (said, meant) =
                (steps.iter().any(|step| step.contains(sentence)), wanted.refresh_tokens.as_deref() == Some(word));
            if said != meant {
                found.push(format!("refresh_tokens {word}: expected {meant}, got {said}"));
            }
        }
        let (said, meant) = (
            steps.iter().any(|step| step.contains("http://localhost alone")),
            wanted.localhost.as_deref() == Some("only"),
        );
        if said != meant {
            found.push(format!("localhost only: expected {meant}, got {said}"));
        }
        for needed in [contract.name.as_str(), contract.registration.redirect_uri.as_str()] {
            if !steps.iter().any(|step| step.contains(needed)) {
                found.push(format!("no step names {needed}"));
            }
        }
        Ok(found)
    }

    /// Login, profile, refresh, logout.
    fn whole_way(&self, contract: &Contract) -> Found {
        let mut world = self.open(contract)?;
        let (session, mut found) = world.log_in()?;
        if self.hasty && !found.is_empty() {
            return Ok(found);
        }
        let mut say = |what: &str, lines: Found| match lines {
            Ok(lines) => found.extend(lines.into_iter().map(|line| format!("{what}: {line}"))),
            Err(problem) => found.extend(problem.lines().map(|line| format!("{what}: {line}"))),
        };
        say("profile", world.profile_again(&session, &contract.session));
        say("refresh", world.refresh(&session, contract));
        say("logout", world.log_out(&session, contract.logout.as_ref()));
        Ok(found)
    }

    /// A login, and what it is known by later.
    fn variant(&self, contract: &Contract) -> Found {
        let mut world = self.open(contract)?;
        let (session, mut found) = world.log_in()?;
        found.extend(world.profile_again(&session, &contract.session)?);
        Ok(found)
    }
}
