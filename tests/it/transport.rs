//! A target behind TLS and behind a proxy, as a user meets it: trusted by the scenario's authority, taken unverified, or
//! refused.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{Done, at_once, beside_others, demo, scenario, start_run_in};

/// The demo target behind TLS, for as long as the runtime lives: its port, and its certificate as PEM.
fn behind_tls(runtime: &Runtime, base: &str, name: &str) -> (u16, String) {
    let behind = base.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut behind = TcpStream::connect(behind).await.unwrap();
                // Either side may hang up as it likes.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    (port, made.cert.pem())
}

/// Calls `/live` of the target at `url`: the demo refuses MCP under a name that is not its own.
fn run_with(url: &str, tls: &str, ca: &str, environment: &[(&str, &str)]) -> Done {
    let (folder, file) = scenario(&format!(
        "
version: 1
name: over tls
allow_hosts: [mcp.test]
target: {{ url: '{url}', tls: {{ {tls} }} }}
load: {{ users: 2, duration: 2s }}
transactions: [{{ name: alive, get: /live }}]
observe: {{ metrics: {{ url: /metrics, interval: 500ms }} }}
slo: [slo.yaml]
"
    ));
    std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
    let slo = "version: 1\nobjectives: [{ name: errors, error_ratio: 1% }]\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run_in(&file, &[], environment).finish()
}

fn notes(done: &Done) -> Vec<String> {
    let report = done.report();
    assert!(report["total"]["ok"].as_u64() > Some(10), "{}", report["total"]);
    let notes = report["notes"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_target_behind_tls_is_called_and_watched_with_the_trust_of_the_scenario() {
    let _beside_others = beside_others();
    let runtime = Runtime::new().unwrap();
    let target = demo(&[]);
    let (port, ca) = behind_tls(&runtime, &target.base, "localhost");
    let url = format!("https://localhost:{port}/");
    at_once([("ca: ca.pem", false), ("insecure: true", true)], |(tls, unverified)| {
        let done = run_with(&url, tls, &ca, &[]);
        let notes = notes(&done);
        assert_eq!(notes.iter().any(|note| note.contains("was not verified")), unverified, "{notes:?}");
        assert!(
            !notes.iter().any(|note| note.contains("scrapes of the target's metrics failed")),
            "{notes:?}"
        );
    });
    run_with(&url, "insecure: false", &ca, &[]).expect_code(5);
}

/// A proxy that passes everything on to `port` of this machine, whatever it is asked for; its own port.
fn tunnel_to(runtime: &Runtime, port: u16) -> u16 {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let own = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                assert!(head.starts_with(b"CONNECT mcp.test:443 "), "{}", String::from_utf8_lossy(&head));
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut behind = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                // Either side may hang up as it likes.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    own
}

#[test]
fn a_target_behind_a_proxy_is_called_and_watched_through_it_and_the_report_says_so() {
    let _beside_others = beside_others();
    let runtime = Runtime::new().unwrap();
    let target = demo(&[]);
    let (port, ca) = behind_tls(&runtime, &target.base, "mcp.test");
    let proxy = tunnel_to(&runtime, port);
    let named = format!("http://me:s3cret@127.0.0.1:{proxy}");
    let done = run_with("https://mcp.test/", "ca: ca.pem", &ca, &[("HTTPS_PROXY", &named)]);
    let notes = notes(&done);
    let told = format!("calls went through the proxy http://127.0.0.1:{proxy}: it is in every latency");
    assert!(notes.contains(&told), "{notes:?}");
    assert!(!notes.iter().any(|note| note.contains("scrapes of the target's metrics failed")), "{notes:?}");
    assert!(!format!("{}{}{}", done.stdout, done.stderr, done.report()).contains("s3cret"));
}
