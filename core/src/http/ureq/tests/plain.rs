use std::sync::mpsc;

use super::*;

#[test]
fn a_request_arrives_as_it_was_made_and_its_answer_comes_back_whole() {
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&mut stream);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nX-Twice: a\r\nX-Twice: b\r\nX-Odd: \xe9\r\nContent-Length: 2\r\n\r\nok")
            .unwrap();
        request
    });
    let mut request = post(address);
    request.headers = vec![("Content-Type".to_owned(), "text/plain".to_owned())];
    let response = bare().send(&request).expect("answered");
    assert_eq!((response.status, response.body.as_slice()), (200, b"ok".as_slice()));
    assert_eq!(response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-twice")).count(), 2);
    assert_eq!(response.header("X-Odd"), Some("\u{fffd}"));

    let seen = server.join().unwrap().to_lowercase();
    assert!(seen.starts_with("post /token?secret=canary http/1.1\r\n") && seen.ends_with("secret=canary"), "{seen}");
    assert!(seen.contains("content-type: text/plain\r\n") && seen.contains("content-length: 13\r\n"), "{seen}");
    assert!(seen.contains(concat!("user-agent: keyfob/", env!("CARGO_PKG_VERSION"), "\r\n")), "{seen}");
    assert!(!seen.contains("accept-encoding") && !seen.contains("cookie"), "{seen}");
}

#[test]
fn a_body_of_nothing_has_a_length_with_a_post_only() {
    for (method, expected) in [(Method::Get, false), (Method::Delete, false), (Method::Post, true)] {
        let (address, server) = serve(|listener| {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            stream.write_all(OK).unwrap();
            request
        });
        let mut request = request(method, format!("http://{address}/"));
        request.body = Vec::new();
        bare().send(&request).expect("answered");
        assert_eq!(server.join().unwrap().to_lowercase().contains("content-length: 0"), expected, "{method:?}");
    }
}

#[test]
fn any_status_is_an_answer_and_no_redirect_is_followed() {
    for (status, location) in
        [(302, true), (303, true), (307, true), (308, true), (301, false), (401, false), (503, false)]
    {
        let (address, server) = serve(move |listener| {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            let there = listener.local_addr().unwrap();
            let location = if location { format!("Location: http://{there}/elsewhere\r\n") } else { String::new() };
            let body = r#"{"error":"x"}"#;
            write!(stream, "HTTP/1.1 {status} Text\r\n{location}Retry-After: 3\r\nContent-Length: 13\r\n\r\n{body}")
                .unwrap();
            // Another request would come on this connection or on a new one.
            let again = read_request(&mut stream);
            listener.set_nonblocking(true).unwrap();
            (again, listener.accept().is_err())
        });
        let transport = bare();
        let response = transport.send(&post(address)).expect("answered");
        assert_eq!((response.status, response.body.as_slice()), (status, br#"{"error":"x"}"#.as_slice()));
        assert_eq!(response.header("retry-after"), Some("3"));
        assert_eq!(response.header("location").is_some(), location);
        drop(transport);
        assert_eq!(server.join().unwrap(), (String::new(), true), "{status}");
    }
}

#[test]
fn a_redirect_without_a_body_is_an_answer_too() {
    for head in ["HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"]
    {
        let (address, server) = serve(move |listener| {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(head.as_bytes()).unwrap();
        });
        let response = bare().send(&post(address)).expect("answered");
        assert!((300..400).contains(&response.status) && response.body.is_empty());
        server.join().unwrap();
    }
}

#[test]
fn nobody_there_is_not_sent() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (sent, failure, detail) = fails(&bare(), &post(gone));
    assert_eq!((sent, failure), (Sent::NotSent, TransportFailure::Network));
    assert_eq!(detail, "127.0.0.1: the connection was refused");
}

#[test]
fn a_request_that_cannot_be_made_is_not_sent() {
    let transport = bare();
    for url in ["no url", "ftp://127.0.0.1/", "http://"] {
        let (sent, ..) = fails(&transport, &request(Method::Get, url.to_owned()));
        assert_eq!(sent, Sent::NotSent, "{url}");
    }
    let mut bad_header = request(Method::Get, "http://127.0.0.1:9/".to_owned());
    bad_header.headers = vec![("Authorization".to_owned(), "a\r\nX-Injected: CANARY".to_owned())];
    assert_eq!(
        fails(&transport, &bad_header),
        (Sent::NotSent, TransportFailure::Network, "127.0.0.1: the request is malformed".to_owned())
    );
}

#[test]
fn closing_after_the_bytes_left_is_unknown() {
    // Before reading: the client may well have written all of it by then.
    let (address, server) = serve(|listener| drop(listener.accept().unwrap()));
    let (sent, failure, _) = fails(&bare(), &post(address));
    assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Network));
    server.join().unwrap();

    for reply in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"SERVER\":"] {
        let (address, server) = serve(move |listener| {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(reply.as_bytes()).unwrap();
        });
        let (sent, failure, detail) = fails(&bare(), &post(address));
        assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Network), "{reply}");
        assert_eq!(detail, "127.0.0.1: the connection was closed");
        server.join().unwrap();
    }
}

#[test]
fn no_answer_in_time_is_unknown() {
    for reply in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf"] {
        let (done, wait) = mpsc::channel::<()>();
        let (address, server) = serve(move |listener| {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(reply.as_bytes()).unwrap();
            let _ = wait.recv();
        });
        let mut request = post(address);
        request.timeout = Duration::from_millis(150);
        let (sent, failure, _) = fails(&bare(), &request);
        assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Timeout), "{reply}");
        drop(done);
        server.join().unwrap();
    }
}

#[test]
fn an_answer_that_is_not_http_or_too_large_is_unknown() {
    let long = |length: usize| "x".repeat(length);
    for reply in [
        "SERVER says hello\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}\u{3}\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n{}", long(1001)),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", long(5000)),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n{}\r\n0\r\n\r\n", long(0x800)),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", long(70_000)),
        format!("HTTP/1.1 200 OK\r\nX-Long: {}", long(70_000)),
    ] {
        let start = reply.chars().take(40).collect::<String>();
        let (address, server) = serve(move |listener| {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            // The client may hang up in the middle.
            let _ = stream.write_all(reply.as_bytes());
        });
        let (sent, failure, _) = fails(&bare(), &post(address));
        assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Answer), "{start}");
        server.join().unwrap();
    }
}

#[test]
fn a_body_of_exactly_the_limit_is_an_answer_and_is_not_decompressed() {
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n";
        write!(stream, "{head}{}", "z".repeat(1000)).unwrap();
    });
    let response = bare().send(&post(address)).expect("answered");
    assert_eq!(response.body, vec![b'z'; 1000]);
    server.join().unwrap();
}

#[test]
fn connections_are_used_again() {
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = 0;
        while !read_request(&mut stream).is_empty() {
            seen += 1;
            stream.write_all(OK).unwrap();
        }
        seen
    });
    let transport = bare();
    for _ in 0..3 {
        transport.send(&post(address)).expect("answered");
    }
    drop(transport);
    assert_eq!(server.join().unwrap(), 3);
}

#[test]
fn a_post_is_never_sent_twice_when_a_pooled_connection_dies_under_it() {
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(OK).unwrap();
        let second = read_request(&mut stream);
        drop(stream);
        // A repetition would come on a new connection, and is in the backlog by the time that the client is done.
        listener.set_nonblocking(true).unwrap();
        (second, listener)
    });
    let transport = bare();
    transport.send(&post(address)).expect("answered");
    let (sent, failure, _) = fails(&transport, &post(address));
    assert_eq!((sent, failure), (Sent::Unknown, TransportFailure::Network));
    let (second, listener) = server.join().unwrap();
    assert!(second.ends_with("secret=CANARY"));
    assert!(listener.accept().is_err(), "sent twice");
}

#[test]
fn a_pooled_connection_that_was_closed_meanwhile_is_not_used() {
    let (closed, wait) = mpsc::channel();
    let (address, server) = serve(move |listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(OK).unwrap();
        // The client has its answer, and the connection back in its pool, when it asks for this.
        drop(stream);
        closed.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let second = read_request(&mut stream);
        stream.write_all(OK).unwrap();
        second
    });
    let transport = bare();
    transport.send(&post(address)).expect("answered");
    wait.recv().unwrap();
    transport.send(&post(address)).expect("answered on a new connection");
    assert!(server.join().unwrap().ends_with("secret=CANARY"));
}

#[test]
fn the_witness_of_one_request_is_not_that_of_another() {
    fn shared<T: Send + Sync>(_: &T) {}
    // A pooled connection, after a request that did send, on the same thread and on another.
    let (address, server) = serve(|listener| {
        let (mut stream, _) = listener.accept().unwrap();
        read_request(&mut stream);
        stream.write_all(OK).unwrap();
        read_request(&mut stream)
    });
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let transport = bare();
    shared(&transport);
    transport.send(&post(address)).expect("answered");
    assert_eq!(fails(&transport, &post(gone)).0, Sent::NotSent);
    thread::scope(|scope| {
        let there = scope.spawn(|| fails(&transport, &post(address)).0);
        let here = fails(&transport, &post(gone)).0;
        assert_eq!((there.join().unwrap(), here), (Sent::Unknown, Sent::NotSent));
    });
    assert!(!server.join().unwrap().is_empty());

    let outer = Witness::begin();
    assert_eq!(fails(&transport, &post(gone)).0, Sent::NotSent);
    assert!(!outer.saw_bytes());
}
