use super::*;

fn read(json: &str) -> TokenAnswer {
    match normalise(json.as_bytes(), &AnswerRules::default()) {
        Reading::Tokens(tokens) => tokens,
        other => panic!("{json}: {other:?}"),
    }
}

fn malformed(json: &str) -> Reason {
    match normalise(json.as_bytes(), &AnswerRules::default()) {
        Reading::Malformed(reason) => reason,
        other => panic!("{json}: {other:?}"),
    }
}

fn with(member: &str) -> TokenAnswer {
    read(&format!(r#"{{"access_token":"at","token_type":"Bearer",{member}}}"#))
}

#[test]
fn a_full_answer_is_read_whole() {
    let tokens = with(r#""refresh_token":"rt","id_token":"h.p.s","expires_in":3600,"scope":"openid email","sid":"x""#);
    assert_eq!(tokens.access_token.expose(), "at");
    assert_eq!(tokens.refresh_token.as_ref().map(Secret::expose), Some("rt"));
    assert_eq!(tokens.id_token.as_ref().map(Secret::expose), Some("h.p.s"));
    assert_eq!(tokens.lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(tokens.scope, Some(vec!["openid".to_owned(), "email".to_owned()]));
    assert_eq!(tokens.other.keys().collect::<Vec<_>>(), ["sid"]);
}

#[test]
fn expires_in_is_read_where_it_is_a_number_and_unknown_where_not() {
    let year = Some(MAX_LIFETIME);
    for (json, lifetime) in [
        ("3600", Some(Duration::from_secs(3600))),
        (r#""3600""#, Some(Duration::from_secs(3600))),
        (r#"" 3600 ""#, Some(Duration::from_secs(3600))),
        ("3599.5", Some(Duration::from_millis(3_599_500))),
        (r#""3599.5""#, Some(Duration::from_millis(3_599_500))),
        ("0.3", Some(Duration::from_millis(300))),
        ("0", Some(Duration::ZERO)),
        (r#""0""#, Some(Duration::ZERO)),
        ("31536001", year),
        ("1e99", year),
        (r#""1e999""#, year),
        ("18446744073709551615", year),
        ("null", None),
        ("-1", None),
        ("-0.5", None),
        (r#""-1""#, None),
        (r#""""#, None),
        (r#""soon""#, None),
        (r#""inf""#, None),
        (r#""NaN""#, None),
        ("true", None),
        ("[3600]", None),
        ("{}", None),
    ] {
        assert_eq!(with(&format!(r#""expires_in":{json}"#)).lifetime, lifetime, "{json}");
    }
    assert_eq!(with(r#""x":1"#).lifetime, None);
}

#[test]
fn empty_null_and_strange_tokens_are_absent() {
    for value in [r#""""#, "null", "1", "[]"] {
        let tokens = with(&format!(r#""refresh_token":{value},"id_token":{value}"#));
        assert!(tokens.refresh_token.is_none() && tokens.id_token.is_none(), "{value}");
        assert!(tokens.other.is_empty(), "{value}");
    }
}

#[test]
fn a_scope_is_a_list_of_words_however_it_is_written() {
    let words = Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
    assert_eq!(with(r#""scope":"a  b c""#).scope, words);
    assert_eq!(with(r#""scope":["a","b c"]"#).scope, words);
    assert_eq!(with(r#""scope":"""#).scope, Some(Vec::new()));
    assert_eq!(with(r#""scope":null"#).scope, None);
    assert_eq!(with(r#""scope":7"#).scope, None);
}

#[test]
fn access_token_and_token_type_are_required() {
    for json in [
        r"{}",
        r"[]",
        r#""tokens""#,
        r#"{"token_type":"bearer"}"#,
        r#"{"access_token":"","token_type":"bearer"}"#,
        r#"{"access_token":null,"token_type":"bearer"}"#,
        r#"{"access_token":7,"token_type":"bearer"}"#,
        r#"{"access_token":"a\r\nX-Y: z","token_type":"bearer"}"#,
        r#"{"access_token":"at"}"#,
        r#"{"access_token":"at","token_type":null}"#,
    ] {
        assert_eq!(malformed(json), Reason::MalformedTokenResponse, "{json}");
    }
    read(r#"{"access_token":"at","token_type":"bEaReR"}"#);
    assert_eq!(malformed(r#"{"access_token":"at","token_type":"mac"}"#), Reason::UnsupportedTokenType);
    assert_eq!(malformed(r#"{"access_token":"at","token_type":""}"#), Reason::UnsupportedTokenType);
}

#[test]
fn s36_an_error_is_believed_before_the_tokens_beside_it() {
    let json = br#"{"error":"invalid_grant","error_description":"no","access_token":"at","token_type":"bearer"}"#;
    let Reading::Error(error) = normalise(json, &AnswerRules::default()) else { panic!("not an error") };
    assert_eq!((error.code(), error.description(), error.uri()), ("invalid_grant", Some("no"), None));
    assert_eq!(with(r#""error":null"#).access_token.expose(), "at");
    assert_eq!(with(r#""error":"""#).access_token.expose(), "at");
}

#[test]
fn what_is_not_json_is_not_json() {
    for body in ["", "<html>", "access_token=at&token_type=bearer", "\u{feff}{}", r#"{"access_token":"at""#] {
        assert!(matches!(normalise(body.as_bytes(), &AnswerRules::default()), Reading::NotJson), "{body}");
    }
    assert!(matches!(normalise(b"\xff\xfe", &AnswerRules::default()), Reading::NotJson));
}

#[test]
fn the_standard_form_passes_the_strict_parser() {
    let tokens = with(r#""refresh_token":"","expires_in":"0.5","scope":["a","b"],"id_token":"x.y.z","more":{}"#);
    let bytes = tokens.standard_form().expect("serialises");
    assert_eq!(bytes, br#"{"access_token":"at","token_type":"bearer","expires_in":0,"scope":"a b"}"#);
    serde_json::from_slice::<oauth2::basic::BasicTokenResponse>(&bytes).expect("standard");
}

#[test]
fn the_stored_form_is_read_back_and_written_into_one_allocation() {
    for json in [
        r#"{"access_token":"at","token_type":"bearer"}"#,
        r#"{"access_token":"at\"é","token_type":"bearer","refresh_token":"rt","id_token":"i","expires_in":0.25,
            "scope":"a b","nested":{"deep":[1,"two"]}}"#,
    ] {
        let tokens = read(json);
        let bytes = tokens.to_bytes().expect("serialises");
        assert_eq!(bytes.capacity(), bytes.len());
        let again = TokenAnswer::from_bytes(&bytes).expect("reads back");
        assert_eq!(again.access_token.expose(), tokens.access_token.expose());
        assert_eq!(again.refresh_token.as_ref().map(Secret::expose), tokens.refresh_token.as_ref().map(Secret::expose));
        assert_eq!(again.id_token.as_ref().map(Secret::expose), tokens.id_token.as_ref().map(Secret::expose));
        assert_eq!((again.lifetime, &again.scope), (tokens.lifetime, &tokens.scope));
        assert_eq!(*again.other, *tokens.other);
    }
}

#[test]
fn a_damaged_stored_form_is_an_error_that_does_not_quote_it() {
    for bytes in [&b""[..], b"{}", br#"{"access_token":["CANARY"],"other":{}}"#, br#"{"access_token":"CANARY"#] {
        let error = TokenAnswer::from_bytes(bytes).expect_err("damaged");
        assert_eq!(error.reason(), Reason::StoreTampered);
        assert!(std::error::Error::source(&error).is_none() && !format!("{error:?}").contains("CANARY"));
    }
}

#[test]
fn nothing_of_what_a_redirect_brought_is_printed() {
    let mut tokens = read(r#"{"access_token":"at","token_type":"Bearer"}"#);
    tokens.kept.redirect.insert("state".to_owned(), "CANARY".to_owned());
    assert!(!format!("{tokens:?}").contains("CANARY"), "{tokens:?}");
    assert_eq!(TokenAnswer::from_bytes(&tokens.to_bytes().unwrap()).unwrap().kept, tokens.kept);
}

#[test]
fn nothing_of_an_answer_is_printed() {
    let json = r#"{"access_token":"CANARY","token_type":"bearer","refresh_token":"CANARY","id_token":"CANARY",
        "scope":"openid","CANARY":{"x":"CANARY"}}"#;
    assert!(!format!("{:?}", normalise(json.as_bytes(), &AnswerRules::default())).contains("CANARY"));
    let json = br#"{"error":"CANARY","error_description":"CANARY"}"#;
    assert!(!format!("{:?}", normalise(json, &AnswerRules::default())).contains("CANARY"));
}
