//! OAuth's client credentials, as written: who the client is, one proof of that, and what is asked for.

use std::path::Path;

use url::Url;

use super::{Sources, text, transport_file};
use crate::input::{Field, Fields, Problems, candidates};
use crate::model::Secret;
use crate::plan::{
    ClientProof, OAuth, PemFile, SecretMethod, SigningAlgorithm, SigningFault, SigningKey, TokenSharing,
    keeps_secrets,
};

/// What `token_endpoint_auth_method` is with a key.
const BY_KEY: &str = "private_key_jwt";

/// The field `oauth` of the scenario at `scenario`.
pub(super) fn read(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<OAuth> {
    let mut fields = Fields::of(field.node, "`oauth`", problems)?;
    let client_id =
        fields.required("client_id", problems).and_then(|field| text::fixed(field, sources.env, problems));
    let method = fields.optional("token_endpoint_auth_method");
    let algorithm = fields.optional("algorithm");
    let key_id = fields.optional("key_id");
    let scope = fields.optional("scope");
    let token_url = fields.optional("token_url");
    let per_user = fields.optional("per_user");
    let proof = match fields.exactly_one(&["client_secret", "private_key"], problems) {
        Some(("client_secret", secret, _)) => {
            for lone in [algorithm, key_id].into_iter().flatten() {
                lone.wrong(
                    "it has no use beside `client_secret`",
                    "remove it, or write `private_key`",
                    problems,
                );
            }
            read_secret(secret, method, sources, problems)
        }
        Some((_, key, _)) => {
            if algorithm.is_none() {
                fields.required("algorithm", problems);
            }
            read_key(key, KeyFields { method, algorithm, key_id }, (scenario, sources), problems)
        }
        None => None,
    };
    let scope = scope.map(|field| read_scope(field, problems));
    let token_url = token_url.map(|field| read_url(field, sources, problems));
    let per_user = per_user.map_or(Some(false), |field| field.flag(problems));
    fields.finish(problems);
    let tokens = if per_user? { TokenSharing::PerUser } else { TokenSharing::Shared };
    Some(OAuth {
        client_id: client_id?,
        proof: proof?,
        scope: transposed(scope)?,
        token_url: transposed(token_url)?,
        tokens,
    })
}

/// Of a field that may be missing: `None` when it is there and wrong.
#[expect(clippy::option_option, reason = "there or not, and good or not")]
fn transposed<T>(field: Option<Option<T>>) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn read_secret(
    field: Field<'_>,
    method: Option<Field<'_>>,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<ClientProof> {
    let secret = text::fixed(field, sources.env, problems);
    let words = SecretMethod::ALL.map(|method| (method.name(), method));
    let method = method.map(|field| field.word(&words, problems));
    Some(ClientProof::Secret { secret: Secret::new(secret?.expose()), method: transposed(method)? })
}

/// What stands beside a key.
#[derive(Clone, Copy)]
struct KeyFields<'n> {
    method: Option<Field<'n>>,
    algorithm: Option<Field<'n>>,
    key_id: Option<Field<'n>>,
}

fn read_key(
    field: Field<'_>,
    beside: KeyFields<'_>,
    (scenario, sources): (&Path, &Sources<'_>),
    problems: &mut Problems,
) -> Option<ClientProof> {
    if let Some(method) = beside.method {
        method.word(&[(BY_KEY, ())], problems);
    }
    let key = read_pem(field, scenario, sources, problems);
    let algorithms = SigningAlgorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let algorithm = beside.algorithm.and_then(|field| field.word(&algorithms, problems));
    let key_id = beside.key_id.map(|field| field.name(problems).map(str::to_owned));
    let (key, algorithm) = (key?, algorithm?);
    let key = SigningKey { key, algorithm, key_id: transposed(key_id)? };
    match key.check() {
        Ok(()) => {}
        Err(SigningFault::Pem(fault)) => transport_file::wrong(field, fault, problems),
        Err(fault @ SigningFault::WrongKey(_)) => {
            let help = "ES256, ES384 and ES512 are for EC keys on P-256, P-384 and P-521; RS and PS for RSA keys of \
                        2048 bits or more; EdDSA for Ed25519";
            beside.algorithm.unwrap_or(field).wrong(fault, help, problems);
        }
    }
    Some(ClientProof::Key(key))
}

/// A file, or a value of the environment that is the PEM text itself.
fn read_pem(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<PemFile> {
    let written = text::fixed(field, sources.env, problems)?;
    if written.expose().contains("-----BEGIN") {
        if written.from_environment().is_empty() {
            let help =
                "write the path of the file that it is in, relative to the scenario, or `{{ env.NAME }}`";
            field.wrong("this is what is in a PEM file", help, problems);
            return None;
        }
        let text = written.expose().to_owned();
        return Some(PemFile::new(written, text));
    }
    let candidates = candidates(scenario, Path::new(written.expose()));
    let (_, content) = sources.files.read_first(&candidates, &field.node.place, problems)?;
    Some(PemFile::new(written, content))
}

/// Words of a scope (RFC 6749 section 3.3), one blank between two.
fn read_scope(field: Field<'_>, problems: &mut Problems) -> Option<String> {
    let text = field.text(problems)?;
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
    if !text.split(' ').all(|word| !word.is_empty() && word.chars().all(plain)) {
        let help = "write words of visible ASCII without `\"` and `\\`, one blank between two: `files:read files:write`";
        field.wrong("this is no scope", help, problems);
        return None;
    }
    Some(text.to_owned())
}

fn read_url(field: Field<'_>, sources: &Sources<'_>, problems: &mut Problems) -> Option<Url> {
    const HELP: &str = "write a URL such as `https://auth.example.com/oauth/token`";
    let text = text::fixed(field, sources.env, problems)?;
    let url = Url::parse(text.expose()).ok().filter(|url| {
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        bare && matches!(url.scheme(), "http" | "https") && url.host().is_some()
    });
    let Some(url) = url else {
        field.wrong("this is no URL that can be asked for a token", HELP, problems);
        return None;
    };
    if !keeps_secrets(&url) {
        let help = "write `https://`: only this machine is asked without it";
        field.wrong("credentials would be sent in the clear", help, problems);
        return None;
    }
    Some(url)
}
