//! A way through a proxy to the target: `CONNECT`, over which the proxy only passes bytes on (RFC 9110, section 9.3.6).

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::failure::Failure;
use super::fields::write_field;
use super::http1::{Head, HeadWants};
use super::stream::fault_of;
use crate::model::{Outcome, TransportFault};
use crate::plan::Proxy;

/// The proxy's answer may not be longer, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Has `proxy`, which `stream` leads to, pass everything on to `target` (`host:port`).
pub(super) async fn open(stream: &mut TcpStream, proxy: &Proxy, target: &str) -> Result<(), Failure> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\n").into_bytes();
    write_field("host", target.as_bytes(), &mut request);
    if let Some(authorization) = &proxy.authorization {
        write_field("proxy-authorization", authorization.expose().as_bytes(), &mut request);
    }
    request.extend_from_slice(b"\r\n");
    let failed = |error: std::io::Error| Failure::new(Outcome::Transport(fault_of(&error)), &error);
    stream.write_all(&request).await.map_err(failed)?;
    // Byte by byte: what follows the head is the target's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_ANSWER {
            return Err(refused("its answer to CONNECT has no end"));
        }
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    match Head::parse(&head, HeadWants::Nothing) {
        Ok(Some((Head { status: 200..=299, .. }, _))) => Ok(()),
        Ok(Some((Head { status, .. }, _))) => Err(refused(&format!("it answers CONNECT with {status}"))),
        Ok(None) | Err(_) => Err(refused("its answer to CONNECT is not HTTP")),
    }
}

fn refused(words: &str) -> Failure {
    Failure::worded(Outcome::Transport(TransportFault::Refused), words)
}
