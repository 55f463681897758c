use super::*;

fn name(status: keyfob_status) -> &'static str {
    // SAFETY: any number will do.
    let name = unsafe { keyfob_status_name(status) };
    // SAFETY: the names are static.
    unsafe { CStr::from_ptr(name) }.to_str().unwrap()
}

#[test]
fn every_kind_of_the_core_has_its_constant() {
    for kind in ErrorKind::ALL {
        assert_eq!(name(kind.number()), kind.name());
    }
    assert_eq!(NAMES.len(), ErrorKind::ALL.len() + 1);
}

#[test]
fn a_number_that_nobody_knows_has_a_name_all_the_same() {
    assert_eq!(name(KEYFOB_OK), "Ok");
    assert_eq!(name(-1), "Unknown");
    assert_eq!(name(98), "Unknown");
}
