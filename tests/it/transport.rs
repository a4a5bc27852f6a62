//! A target behind TLS, as a user meets it: trusted by the scenario's authority, taken unverified, or refused.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::{Done, alone, demo, scenario, start_run};

/// The demo target behind TLS, for as long as the runtime lives: its port, and its certificate as PEM.
fn behind_tls(runtime: &Runtime, base: &str) -> (u16, String) {
    let behind = base.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
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

fn run_with(port: u16, tls: &str, ca: &str) -> Done {
    let (folder, file) = scenario(&format!(
        "
version: 1
name: over tls
target: {{ url: 'https://localhost:{port}/mcp', tls: {{ {tls} }} }}
load: {{ users: 2, duration: 2s }}
transactions: [{{ name: list, list_tools: {{}} }}]
observe: {{ metrics: {{ url: /metrics, interval: 500ms }} }}
slo: [slo.yaml]
"
    ));
    std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
    let slo = "version: 1\nobjectives: [{ name: errors, error_ratio: 1% }]\n";
    std::fs::write(folder.path().join("slo.yaml"), slo).unwrap();
    start_run(&file, &[]).finish()
}

fn notes(done: &Done) -> Vec<String> {
    let report = done.report();
    assert!(report["total"]["ok"].as_u64() > Some(10), "{}", report["total"]);
    let notes = report["notes"].as_array().unwrap();
    notes.iter().map(|note| note.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_target_behind_tls_is_called_and_watched_with_the_trust_of_the_scenario() {
    let _alone = alone();
    let runtime = Runtime::new().unwrap();
    let target = demo(&[]);
    let (port, ca) = behind_tls(&runtime, &target.base);
    for (tls, unverified) in [("ca: ca.pem", false), ("insecure: true", true)] {
        let done = run_with(port, tls, &ca);
        let notes = notes(&done);
        assert_eq!(notes.iter().any(|note| note.contains("was not verified")), unverified, "{notes:?}");
        assert!(
            !notes.iter().any(|note| note.contains("scrapes of the target's metrics failed")),
            "{notes:?}"
        );
    }
    run_with(port, "insecure: false", &ca).expect_code(5);
}
