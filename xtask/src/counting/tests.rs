use super::*;

fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
    Tally { passed, failed, skipped }
}

fn finished(success: bool, text: &str) -> Finished {
    let how = if success { "exit status: 0" } else { "exit status: 101" };
    Finished { success, text: text.to_owned(), how: how.to_owned(), code: Some(if success { 0 } else { 101 }) }
}

#[test]
fn libtest_lines_of_every_test_program_are_added() {
    let text = "\
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests keyfob
test result: FAILED. 12 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";
    assert_eq!(libtest(text), tally(15, 2, 1));
}

#[test]
fn colours_do_not_hide_a_failure() {
    let text = "test result: \u{1b}[31mFAILED\u{1b}[0m. 1 passed; 1 failed; 0 ignored\n";
    assert_eq!(judge(&finished(false, text), libtest).0, tally(1, 1, 0));
}

#[test]
fn a_runner_that_fails_without_a_failed_test_is_one_failure() {
    let did_not_compile = judge(&finished(false, "error[E0308]: mismatched types\n"), libtest);
    assert_eq!(did_not_compile, (tally(0, 1, 0), Some("exit status: 101".to_owned())));
    let crashed_late = judge(&finished(false, "test result: ok. 3 passed; 0 failed; 0 ignored\n"), libtest);
    assert_eq!(crashed_late.0, tally(3, 1, 0));
}

#[test]
fn a_runner_that_ran_no_test_is_one_failure() {
    assert_eq!(judge(&finished(true, ""), libtest), (tally(0, 1, 0), Some("ran no test".to_owned())));
    let only_ignored = "test result: ok. 0 passed; 0 failed; 4 ignored; 0 measured\n";
    assert_eq!(judge(&finished(true, only_ignored), libtest).0, tally(0, 1, 4));
    assert_eq!(judge(&finished(true, "BUILD SUCCESS\n"), surefire).0, tally(0, 1, 0));
    assert_eq!(judge(&finished(true, "1..0\n"), tap).0, tally(0, 1, 0));
}

#[test]
fn a_failed_test_counts_even_where_the_runner_exits_with_zero() {
    assert_eq!(judge(&finished(true, "ok 1 - a\nnot ok 2 - b\n"), tap).0, tally(1, 1, 0));
}

#[test]
fn tap_lines_are_counted_and_the_plan_is_kept() {
    assert_eq!(tap("1..3\nok 1 - a\n# a note: ok\nnot ok 2 - b\nok 3 - c # SKIP no disk\n"), tally(1, 1, 1));
    assert_eq!(tap("ok a\nokay this is no test\nnot okay either\n"), tally(1, 0, 0));
    assert_eq!(tap("1..4\nok 1 - a\n"), tally(1, 3, 0), "three planned tests never ran");
    assert_eq!(tap("ok 1 - a\nBail out! no store\n"), tally(1, 1, 0));
}

#[test]
fn surefire_counts_the_closing_line_and_not_each_class_again() {
    let text = "\
[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 0.4 s -- in dev.keyfob.LoginTest
[ERROR] Tests run: 2, Failures: 1, Errors: 1, Skipped: 0, Time elapsed: 0.4 s <<< FAILURE! -- in dev.keyfob.OtherTest
[INFO] Results:
[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1
[INFO] BUILD FAILURE
";
    assert_eq!(surefire(text), tally(2, 2, 1));
}

#[test]
fn swift_testing_counts_tests_and_neither_suites_nor_the_closing_line() {
    let text = "\
◇ Test run started.
◇ Suite Logins started.
◇ Test \"a whole login\" started.
✔ Test \"a whole login\" passed after 0.012 seconds.
✔ Test refused() passed after 0.002 seconds.
✘ Test broken() recorded an issue at T.swift:7:5: Expectation failed: 1 == 2
✘ Test broken() failed after 0.001 seconds with 1 issue.
➜ Test later() skipped.
➜ Test never() skipped: \"not on Linux\"
✔ Suite Logins passed after 0.02 seconds.
✘ Test run with 5 tests failed after 0.03 seconds with 1 issue.
";
    assert_eq!(swift_testing(text), tally(2, 1, 2));
}

#[test]
fn a_swift_run_that_stops_in_the_middle_is_a_failure() {
    let text = "✔ Test one() passed after 0.012 seconds.\n";
    assert_eq!(judge(&finished(true, text), swift_testing).0, tally(1, 1, 0));
}

#[test]
fn an_empty_swift_run_is_a_failure() {
    let text = "✔ Test run with 0 tests passed after 0.001 seconds.\n";
    assert_eq!(judge(&finished(true, text), swift_testing).0, tally(0, 1, 0));
}
