//! How the target is reached, as written beside its URL: the version of HTTP, and trust over TLS.

use std::path::Path;

use super::{Sources, text};
use crate::input::{Field, Fields, Problems, candidates};
use crate::plan::{
    CarriageChoice, ClientCertificate, HttpVersion, PemFault, PemFile, Target, Tls, Transport,
};

/// The fields `transport`, `http` and `tls` of a target with a URL. `target` is `None` when that URL has a mistake.
pub(super) fn read(
    fields: &mut Fields<'_>,
    target: Option<&Target>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<Transport> {
    let versions = [HttpVersion::Http1, HttpVersion::Http2].map(|version| (version.name(), version));
    let http =
        fields.optional("http").map_or(Some(HttpVersion::default()), |field| field.word(&versions, problems));
    let choices = [CarriageChoice::Auto, CarriageChoice::StreamableHttp, CarriageChoice::Sse];
    let choices = choices.map(|choice| (choice.name(), choice));
    let carriage = fields
        .optional("transport")
        .map_or(Some(CarriageChoice::default()), |field| field.word(&choices, problems));
    let tls = fields.optional("tls");
    if let Some(field) = tls
        && let Some(Target::Url(url)) = target
        && url.scheme() != "https"
    {
        field.wrong("the URL is not of `https`", "remove `tls`, or write `https://` in the URL", problems);
    }
    let folder = Folder { scenario, sources };
    let tls = tls.map_or_else(|| Some(Tls::default()), |field| folder.read_tls(field, problems));
    Some(Transport { carriage: carriage?, http: http?, tls: tls?, replicas: None })
}

/// Where files are sought.
struct Folder<'a> {
    scenario: &'a Path,
    sources: &'a Sources<'a>,
}

impl Folder<'_> {
    fn read_tls(&self, field: Field<'_>, problems: &mut Problems) -> Option<Tls> {
        let mut fields = Fields::of(field.node, "`tls`", problems)?;
        let ca_field = fields.optional("ca");
        let ca = ca_field.map(|field| self.read_pem(field, problems));
        if let (Some(field), Some(Some(file))) = (ca_field, &ca)
            && let Err(fault) = file.authorities()
        {
            wrong(field, fault, problems);
        }
        let pair = (fields.optional("certificate"), fields.optional("key"));
        let client = match pair {
            (None, None) => Some(None),
            (Some(certificate), Some(key)) => self.read_client(certificate, key, problems).map(Some),
            (Some(lone), None) | (None, Some(lone)) => {
                let help = "a client proves itself with both `certificate` and `key`";
                lone.wrong("it has no use alone", help, problems);
                None
            }
        };
        let insecure = fields.optional("insecure").map_or(Some(false), |field| field.flag(problems));
        fields.finish(problems);
        let ca = match ca {
            None => None,
            Some(file) => Some(file?),
        };
        Some(Tls { ca, client: client?, insecure: insecure? })
    }

    fn read_client(
        &self,
        certificate: Field<'_>,
        key: Field<'_>,
        problems: &mut Problems,
    ) -> Option<ClientCertificate> {
        let files = (self.read_pem(certificate, problems), self.read_pem(key, problems));
        let client = ClientCertificate { certificate: files.0?, key: files.1? };
        let found = client.certificate.certificates().map(drop).map_err(|fault| (certificate, fault));
        let found_key = client.key.private_key().map(drop).map_err(|fault| (key, fault));
        let mut faults: Vec<(Field<'_>, PemFault)> = found.err().into_iter().chain(found_key.err()).collect();
        if faults.is_empty()
            && let Err(fault) = client.certified_key()
        {
            let place = if fault == PemFault::BadCertificate { certificate } else { key };
            faults.push((place, fault));
        }
        for (field, fault) in faults {
            wrong(field, fault, problems);
        }
        Some(client)
    }

    fn read_pem(&self, field: Field<'_>, problems: &mut Problems) -> Option<PemFile> {
        let path = text::fixed(field, self.sources.env, problems)?;
        if path.expose().contains("-----BEGIN") {
            let help = "write the path of the file that it is in, relative to the scenario";
            field.wrong("this is what is in a PEM file", help, problems);
            return None;
        }
        let candidates = candidates(self.scenario, Path::new(path.expose()));
        let (_, content) = self.sources.files.read_first(&candidates, &field.node.place, problems)?;
        Some(PemFile::new(path, content))
    }
}

/// Notes what is wrong with a PEM file.
pub(super) fn wrong(field: Field<'_>, fault: PemFault, problems: &mut Problems) {
    let help = match fault {
        PemFault::NoCertificate | PemFault::BadCertificate => {
            "name a PEM file with `-----BEGIN CERTIFICATE-----` in it"
        }
        PemFault::NoKey | PemFault::BadKey => "name a PEM file with `-----BEGIN PRIVATE KEY-----` in it",
        PemFault::EncryptedKey => {
            "nobody can be asked for its passphrase: name a file with the key in plain (`openssl pkey -in FILE`)"
        }
        PemFault::OtherKey => "name the key that the certificate was made for",
        PemFault::Damaged => "is the file whole?",
    };
    field.wrong(fault, help, problems);
}
