//! The security checklist: its rules S01 to S79, the tests that hold each, and the providers that relax it.
//!
//! A test holds the rules that its name begins with: `s22_s23_…` holds S22 and S23. What holds a rule in another language, and which rules do
//! not apply to this library and why, is said in `checklist.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::workspace::{Workspace, files};

/// The rules are numbered from 1.
const RULES: u32 = 79;

/// Where rules are held by something else than a Rust test, or do not apply.
const ELSEWHERE: &str = "xtask/checklist.json";

/// One rule.
#[derive(Debug, Default)]
struct Check {
    tests: Vec<String>,
    not_applicable: Option<String>,
    relaxed_by: Vec<String>,
}

/// Every rule by its number, and what is wrong with the whole.
#[derive(Debug)]
struct Checklist {
    checks: BTreeMap<u32, Check>,
    faults: Vec<String>,
}

/// Prints the list; an error names the rules that nothing holds.
pub(crate) fn print(workspace: &Workspace, as_json: bool) -> Result<()> {
    let list = read(&workspace.root)?;
    if as_json {
        println!("{:#}", list.json());
    } else {
        print!("{}", list.text());
    }
    list.verdict()
}

/// The same without a word where every rule is held.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    read(&workspace.root)?.verdict()
}

fn read(root: &Path) -> Result<Checklist> {
    let mut list = Checklist::new();
    sources(root, &mut |text| list.add_tests(text))?;
    for file in files(&root.join("core/providers"), "json") {
        let text = fs::read_to_string(&file)?;
        let provider = serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
        list.add_provider(&provider);
    }
    let text = fs::read_to_string(root.join(ELSEWHERE)).with_context(|| format!("cannot read {ELSEWHERE}"))?;
    let elsewhere = serde_json::from_str(&text).with_context(|| format!("cannot read {ELSEWHERE}"))?;
    list.add_elsewhere(&elsewhere, &|file| fs::read_to_string(root.join(file)).ok());
    list.judge();
    Ok(list)
}

/// Every Rust source of the project; not what is built from it, nor what hides.
fn sources(dir: &Path, take: &mut impl FnMut(&str)) -> Result<()> {
    for file in files(dir, "rs") {
        take(&fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    let mut folders: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if folder.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name) {
            sources(&folder, take)?;
        }
    }
    Ok(())
}

impl Checklist {
    fn new() -> Self {
        Self { checks: (1..=RULES).map(|number| (number, Check::default())).collect(), faults: Vec::new() }
    }

    /// The rule of that number; a number that is none is a fault of whoever named it.
    fn rule(&mut self, number: u32, named_by: &str) -> Option<&mut Check> {
        let found = self.checks.get_mut(&number);
        if found.is_none() {
            self.faults.push(format!("{named_by} names S{number:02}, which is no rule"));
        }
        found
    }

    fn add_tests(&mut self, source: &str) {
        for test in tests(source) {
            for number in rules_of(test) {
                if let Some(check) = self.rule(number, test) {
                    check.tests.push(test.to_owned());
                }
            }
        }
    }

    fn add_provider(&mut self, provider: &Value) {
        let id = provider.get("id").and_then(Value::as_str).unwrap_or_default();
        for rule in provider.get("relaxes").and_then(Value::as_array).into_iter().flatten() {
            let number = rule.as_str().and_then(number).unwrap_or_default();
            if let Some(check) = self.rule(number, &format!("the provider {id}")) {
                check.relaxed_by.push(id.to_owned());
            }
        }
    }

    /// `read` gives the text of a file of the project.
    fn add_elsewhere(&mut self, elsewhere: &Map<String, Value>, read: &dyn Fn(&str) -> Option<String>) {
        for (name, said) in elsewhere {
            let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
            let (reason, file, test) = (text("not_applicable"), text("file"), text("test"));
            let Some(check) = self.rule(number(name).unwrap_or_default(), ELSEWHERE) else { continue };
            let fault = match (reason, file, test) {
                (Some(reason), None, None) => {
                    check.not_applicable = Some(reason.to_owned());
                    continue;
                }
                (None, Some(file), Some(test)) if read(file).is_some_and(|text| text.contains(test)) => {
                    check.tests.push(format!("{file}: {test}"));
                    continue;
                }
                (None, Some(file), Some(test)) => format!("there is no {test} in {file}"),
                _ => "it has neither a reason why it does not apply, nor a file and a test in it".to_owned(),
            };
            self.faults.push(format!("{ELSEWHERE}: {name}: {fault}"));
        }
    }

    fn judge(&mut self) {
        for (number, check) in &mut self.checks {
            check.tests.sort();
            check.tests.dedup();
            match (check.tests.is_empty(), &check.not_applicable) {
                (true, None) => self.faults.push(format!("S{number:02} has no test")),
                (false, Some(_)) => {
                    self.faults.push(format!("S{number:02} is tested, and {ELSEWHERE} says that it does not apply"))
                }
                _ => {}
            }
        }
    }

    fn verdict(&self) -> Result<()> {
        if !self.faults.is_empty() {
            bail!("{}", self.faults.join("; "));
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let check = |(number, check): (&u32, &Check)| {
            json!({
                "id": format!("S{number:02}"),
                "tests": check.tests,
                "not_applicable": check.not_applicable,
                "relaxed_by": check.relaxed_by,
            })
        };
        json!({ "checks": self.checks.iter().map(check).collect::<Vec<_>>() })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (number, check) in &self.checks {
            let mut lines = check.tests.clone();
            lines.extend(check.not_applicable.iter().map(|why| format!("does not apply: {why}")));
            lines.extend(check.relaxed_by.iter().map(|provider| format!("relaxed by {provider}")));
            if lines.is_empty() {
                lines.push("no test".to_owned());
            }
            for (index, line) in lines.iter().enumerate() {
                let id = if index == 0 { format!("S{number:02}") } else { String::new() };
                text.push_str(&format!("{id:<4} {line}\n"));
            }
        }
        text
    }
}

/// The names of the tests of a source. One that is ignored holds nothing.
fn tests(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    let mut is_ignored = false;
    source.lines().filter_map(move |line| {
        let line = line.trim();
        // What stands between a test's attribute and its name are other attributes, of one line or more, and comments.
        let Some(rest) = line.strip_prefix("fn ") else {
            is_test |= line == "#[test]";
            is_ignored |= line.starts_with("#[ignore");
            return None;
        };
        let counts = std::mem::take(&mut is_test) & !std::mem::take(&mut is_ignored);
        rest.split_once('(').map(|(name, _)| name).filter(|_| counts)
    })
}

/// The rules that a test's name begins with.
fn rules_of(test: &str) -> impl Iterator<Item = u32> {
    test.split('_').map_while(|word| number(&word.to_uppercase()).filter(|_| word.starts_with('s')))
}

/// `S` and two digits.
fn number(name: &str) -> Option<u32> {
    name.strip_prefix('S').filter(|digits| digits.len() == 2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(source: &str, provider: &Value, elsewhere: &Value) -> Checklist {
        let mut list = Checklist::new();
        list.add_tests(source);
        list.add_provider(provider);
        let read = |file: &str| (file == "tests/a.kt").then(|| "fun `s68 nothing is printed`()".to_owned());
        list.add_elsewhere(elsewhere.as_object().unwrap(), &read);
        list.judge();
        list
    }

    /// A source with a test for every rule but these.
    fn all_but(missing: &[u32]) -> String {
        let tests = (1..=RULES).filter(|number| !missing.contains(number));
        tests.map(|number| format!("#[test]\nfn s{number:02}_holds() {{}}\n")).collect()
    }

    fn faults(source: &str, provider: Value, elsewhere: Value) -> Vec<String> {
        list(source, &provider, &elsewhere).faults
    }

    #[test]
    fn a_test_holds_the_rules_that_its_name_begins_with() {
        let source =
            "#[test]\nfn s22_s23_both() {}\n    #[test]\n    #[cfg(unix)]\n    // why\n    fn s22_again() {}\n";
        let list = list(source, &json!({}), &json!({}));
        assert_eq!(list.checks[&22].tests, ["s22_again", "s22_s23_both"]);
        assert_eq!(list.checks[&23].tests, ["s22_s23_both"]);
    }

    #[test]
    fn what_is_no_test_holds_nothing() {
        for source in [
            "fn s22_helper() {}",
            "#[test]\n#[ignore = \"slow\"]\nfn s22_not_run() {}",
            "#[test]\nfn other() {}\nfn s22_after_a_test() {}",
            "#[test]\nfn a_s22_later() {}",
            "#[test]\nfn s2_short() {}",
            "// #[test]\n// fn s22_commented_out() {}",
        ] {
            assert!(list(source, &json!({}), &json!({})).checks[&22].tests.is_empty(), "{source}");
        }
    }

    #[test]
    fn a_rule_that_nothing_holds_is_named() {
        assert!(faults(&all_but(&[]), json!({}), json!({})).is_empty());
        assert_eq!(faults(&all_but(&[7, 73]), json!({}), json!({})), ["S07 has no test", "S73 has no test"]);
        assert!(list(&all_but(&[7]), &json!({}), &json!({})).verdict().is_err());
    }

    #[test]
    fn a_rule_that_does_not_apply_needs_a_reason_and_no_test() {
        assert!(faults(&all_but(&[73]), json!({}), json!({"S73": {"not_applicable": "no pins"}})).is_empty());
        for empty in [json!({"S73": {"not_applicable": " "}}), json!({"S73": {}}), json!({"S73": "no pins"})] {
            assert_eq!(faults(&all_but(&[73]), json!({}), empty.clone()).len(), 2, "{empty}");
        }
        let both = faults(&all_but(&[]), json!({}), json!({"S73": {"not_applicable": "no pins"}}));
        assert_eq!(both, ["S73 is tested, and xtask/checklist.json says that it does not apply"]);
    }

    #[test]
    fn a_test_of_another_language_has_to_be_there() {
        let held =
            |file: &str, test: &str| faults(&all_but(&[68]), json!({}), json!({"S68": {"file": file, "test": test}}));
        assert!(held("tests/a.kt", "s68 nothing is printed").is_empty());
        assert_eq!(held("tests/a.kt", "s68 gone").len(), 2);
        assert_eq!(held("tests/b.kt", "s68 nothing is printed").len(), 2);
    }

    #[test]
    fn a_number_that_is_no_rule_is_a_fault_wherever_it_stands() {
        let all = all_but(&[]);
        assert_eq!(faults(&format!("{all}#[test]\nfn s80_new() {{}}\n"), json!({}), json!({})).len(), 1);
        assert_eq!(faults(&all, json!({"id": "acme", "relaxes": ["S99"]}), json!({})).len(), 1);
        assert_eq!(faults(&all, json!({}), json!({"T01": {"not_applicable": "x"}})).len(), 1);
    }

    #[test]
    fn the_list_names_tests_exceptions_and_providers() {
        let provider = json!({"id": "acme", "relaxes": ["S01"]});
        let list = list(&all_but(&[73]), &provider, &json!({"S73": {"not_applicable": "no pins"}}));
        let json = list.json();
        let first = json!({"id": "S01", "tests": ["s01_holds"], "not_applicable": null, "relaxed_by": ["acme"]});
        assert_eq!((&json["checks"][0], json["checks"].as_array().unwrap().len()), (&first, 79));
        assert_eq!(json["checks"][72]["not_applicable"], "no pins");
        assert!(list.text().starts_with("S01  s01_holds\n     relaxed by acme\nS02  s02_holds\n"));
        assert!(list.text().contains("S73  does not apply: no pins\n"));
    }

    #[test]
    fn the_sources_of_the_project_are_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let list = read(&root).unwrap();
        assert!(list.checks[&22].tests.iter().any(|test| test.starts_with("s22_s23_")));
        assert!(!list.checks[&1].tests.contains(&"s01_holds".to_owned()));
    }
}
