//! TLS: whom the client believes, whom it does not, and what it proves itself with.

use super::certificates::{Authority, Front, Validity};
use super::rig::{CALL, Rig, good, perform};
use super::server::Server;
use crate::mcp::ContactError;
use crate::model::{Outcome, TransportFault};
use crate::plan::{ProtocolChoice, Tls};

const NO_TRUST: Outcome = Outcome::Transport(TransportFault::Tls);

/// The outcome of two calls of one user, which must be the same, and over how many connections.
async fn calls(rig: &Rig, server: &Server) -> (Outcome, usize) {
    let mut client = rig.client(1).await;
    let outcome = perform(&mut client, CALL).await;
    assert_eq!(perform(&mut client, CALL).await, outcome);
    let connections = server.seen().iter().map(|seen| seen.connection + 1).max().unwrap_or(0);
    (outcome, connections)
}

fn trusting(authority: &Authority) -> Tls {
    Tls { ca: Some(authority.file()), ..Tls::default() }
}

fn insecure() -> Tls {
    Tls { insecure: true, ..Tls::default() }
}

#[tokio::test]
async fn a_server_is_believed_when_an_authority_of_ours_vouches_for_it() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::start(good).await;
    let front = Front::start(server.address, ours.server("localhost", Validity::Now).config(None)).await;
    let rig = Rig::at(&format!("https://localhost:{}/mcp", front.port));
    assert_eq!(calls(&rig.tls(trusting(&ours)), &server).await, (Outcome::Ok, 1));
    for tls in [Tls::default(), trusting(&other)] {
        let rig = Rig::at(&format!("https://localhost:{}/mcp", front.port));
        assert_eq!(calls(&rig.tls(tls), &server).await, (NO_TRUST, 1));
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_or_of_another_time_is_not_believed() {
    let ours = Authority::new();
    for (name, validity) in [("elsewhere.example", Validity::Now), ("localhost", Validity::Past)] {
        let server = Server::start(good).await;
        let front = Front::start(server.address, ours.server(name, validity).config(None)).await;
        let url = format!("https://localhost:{}/mcp", front.port);
        assert_eq!(calls(&Rig::at(&url).tls(trusting(&ours)), &server).await, (NO_TRUST, 0), "{name}");
        assert_eq!(calls(&Rig::at(&url).tls(insecure()), &server).await, (Outcome::Ok, 1), "{name}");
    }
}

#[tokio::test]
async fn an_address_is_believed_when_the_certificate_names_it() {
    let ours = Authority::new();
    let server = Server::start(good).await;
    let front = Front::start(server.address, ours.server("127.0.0.1", Validity::Now).config(None)).await;
    let rig = Rig::at(&format!("https://127.0.0.1:{}/mcp", front.port)).tls(trusting(&ours));
    assert_eq!(calls(&rig, &server).await, (Outcome::Ok, 1));
}

#[tokio::test]
async fn a_client_proves_itself_where_the_server_asks() {
    let (ours, other) = (Authority::new(), Authority::new());
    let server = Server::start(good).await;
    let config = ours.server("localhost", Validity::Now).config(Some(&ours));
    let front = Front::start(server.address, config).await;
    let rig = || Rig::at(&format!("https://localhost:{}/mcp", front.port));
    let known = Tls { client: Some(ours.client()), ..trusting(&ours) };
    assert_eq!(calls(&rig().tls(known), &server).await, (Outcome::Ok, 1));
    let unknown = Tls { client: Some(other.client()), ..trusting(&ours) };
    for tls in [trusting(&ours), unknown] {
        let (outcome, connections) = calls(&rig().tls(tls), &server).await;
        assert_eq!((outcome, connections), (NO_TRUST, 1));
    }
}

#[tokio::test]
async fn first_contact_has_the_same_trust() {
    let ours = Authority::new();
    let server = Server::start(good).await;
    let front = Front::start(server.address, ours.server("localhost", Validity::Now).config(None)).await;
    let rig = || Rig::at(&format!("https://localhost:{}/mcp", front.port)).protocol(ProtocolChoice::Rest);
    assert!(rig().tls(trusting(&ours)).contact().await.is_ok());
    let refused = rig().contact().await;
    assert!(matches!(refused, Err(ContactError::Unreachable { outcome: NO_TRUST, .. })), "{refused:?}");
}
