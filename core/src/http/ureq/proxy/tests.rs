use super::*;
use crate::error::Reason;

const TARGET: &str = "https://login.example.com/token";

fn environment(variables: &[(&str, &str)]) -> Result<Option<Proxy>> {
    Proxy::new(Some(ENVIRONMENT), |name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

fn host(variables: &[(&str, &str)]) -> Option<String> {
    let proxy = environment(variables).unwrap()?;
    Some(format!("{}:{}", proxy.proxy.host(), proxy.proxy.port()))
}

#[test]
fn the_environment_is_read_as_curl_reads_it() {
    assert_eq!(host(&[]), None);
    assert_eq!(host(&[("HTTPS_PROXY", "")]), None);
    assert_eq!(host(&[("HTTP_PROXY", "http://plain.example:1")]), None, "that one is for plain HTTP");
    assert_eq!(host(&[("ALL_PROXY", "http://all.example:1")]).unwrap(), "all.example:1");
    let both = [("ALL_PROXY", "http://all.example:1"), ("HTTPS_PROXY", "http://upper.example:2")];
    assert_eq!(host(&both).unwrap(), "upper.example:2");
    let three = [both[0], both[1], ("https_proxy", "lower.example:3")];
    assert_eq!(host(&three).unwrap(), "lower.example:3", "and without a scheme");
    let proxy = environment(&[("HTTPS_PROXY", "http://ada:love%40lace@p.example:3128/")]).unwrap().unwrap();
    assert_eq!((proxy.proxy.username(), proxy.proxy.password()), (Some("ada"), Some("love@lace")));
}

#[test]
fn what_is_no_proxy_is_said_by_name_and_not_repeated() {
    for bad in ["socks5://ada:CANARY@p.example", "http://ada:CANARY@p.example/path", "http://ada:CANARY@"] {
        let error = environment(&[("ALL_PROXY", bad)]).err().unwrap();
        assert_eq!(error.reason(), Reason::InvalidConfiguration, "{bad}");
        assert!(error.detail().unwrap().starts_with("http.proxy: the environment's ALL_PROXY "), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
    }
}

#[test]
fn the_environment_s_proxy_is_not_for_this_machine_nor_for_the_hosts_it_excepts() {
    let is_for = |no_proxy: &str, url: &str| {
        environment(&[("HTTPS_PROXY", "http://p.example"), ("NO_PROXY", no_proxy)]).unwrap().unwrap().is_for(url)
    };
    assert!(is_for("", TARGET));
    for own in
        ["https://127.0.0.1:4/x", "https://127.9.9.9/", "https://[::1]/", "https://localhost/", "https://a.localhost"]
    {
        assert!(!is_for("", own), "{own}");
    }
    for (no_proxy, excepted) in [
        ("*", true),
        ("example.com", true),
        ("EXAMPLE.com", true),
        (".example.com", true),
        ("*.example.com", true),
        ("a.example, login.example.com", true),
        ("a.example login.example.com", true),
        ("ple.com", false),
        ("xlogin.example.com", false),
        ("login.example.co", false),
        (", ,", false),
    ] {
        assert_eq!(is_for(no_proxy, TARGET), !excepted, "{no_proxy}");
    }
    assert!(!is_for("10.0.0.1", "https://10.0.0.1/") && is_for("10.0.0.1", "https://10.0.0.11/"));
    assert!(!is_for("[fd00::1]", "https://[fd00::1]:8443/"));
}

#[test]
fn the_configuration_s_proxy_is_for_everything_but_plain_http() {
    let none = |_: &str| None;
    assert!(Proxy::new(None, none).unwrap().is_none());
    let proxy = Proxy::new(Some("http://p.example:3128"), none).unwrap().unwrap();
    assert!(proxy.is_for(TARGET) && proxy.is_for("https://127.0.0.1/") && !proxy.is_for("http://127.0.0.1/"));
}
