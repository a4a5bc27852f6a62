//! The route that brings a drill's alerts to gander's webhook and to nobody else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::LABEL;

/// The receiver that the route names. A drill lifts its silence only for alerts that come to it alone.
pub const RECEIVER: &str = "gander-drill";

/// Where the webhook listens unless told otherwise.
pub const WEBHOOK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9765);

/// What to add to `alertmanager.yml` for a webhook at `address`.
pub fn route_snippet(address: SocketAddr) -> String {
    format!(
        "\
route:
  routes:
    # Above all other routes, and without `continue`: what a load test tries goes here alone.
    - matchers: ['{LABEL}!=\"\"']
      receiver: {RECEIVER}
      group_by: ['...']
      group_wait: 0s
      group_interval: 1s
receivers:
  - name: {RECEIVER}
    webhook_configs:
      - url: http://{address}/
"
    )
}
