//! HTTPS: a certificate authority of the provider's own making, and certificates of it that are good or wrong.
//!
//! There is one authority in a process, made when the first provider asks for it and gone with the process: its
//! key is never written anywhere. So a test trusts one certificate for all of its providers, and for one that
//! comes back on the same port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use crate::clock;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is wrong with TLS, at a provider that speaks it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tls {
    /// What the next connection is shown. Connections that are open stay so.
    pub certificate: Certificate,
}

/// A certificate that a client must accept, or refuse for exactly one reason.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certificate {
    /// It ended yesterday.
    Expired,
    /// For `127.0.0.1`, `::1` and `localhost`, from the authority, valid for a year.
    #[default]
    Good,
    /// It begins in 30 days.
    NotYetValid,
    /// Signed by itself, and by nobody that a client knows.
    SelfSigned,
    /// For `wrong-host.example` only.
    WrongHost,
}

/// The authority, and a server's side of TLS with each of its certificates.
pub(crate) struct Authority {
    /// Its own certificate, for clients to trust.
    pub(crate) pem: String,
    expired: TlsAcceptor,
    good: TlsAcceptor,
    not_yet_valid: TlsAcceptor,
    self_signed: TlsAcceptor,
    wrong_host: TlsAcceptor,
}

/// The machine gave no random bytes, which is the one thing that can go wrong here.
#[derive(Debug, thiserror::Error)]
#[error("no certificate could be made: {0}")]
pub(crate) struct Unmade(String);

static AUTHORITY: OnceLock<Authority> = OnceLock::new();

impl Authority {
    /// The one of this process, made now if there is none yet.
    pub(crate) fn get_or_make() -> Result<&'static Self, Unmade> {
        if let Some(made) = AUTHORITY.get() {
            return Ok(made);
        }
        let made = Self::make()?;
        Ok(AUTHORITY.get_or_init(|| made))
    }

    /// The one of this process, if a provider needed it.
    pub(crate) fn existing() -> Option<&'static Self> {
        AUTHORITY.get()
    }

    pub(crate) fn acceptor(&self, certificate: Certificate) -> &TlsAcceptor {
        match certificate {
            Certificate::Expired => &self.expired,
            Certificate::Good => &self.good,
            Certificate::NotYetValid => &self.not_yet_valid,
            Certificate::SelfSigned => &self.self_signed,
            Certificate::WrongHost => &self.wrong_host,
        }
    }

    fn make() -> Result<Self, Unmade> {
        let now = clock::wall(0.0);
        let mut own = named("keyfob-idp test authority");
        own.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut own, now - DAY, now + 400 * DAY);
        let issuer = CertifiedIssuer::self_signed(own, KeyPair::generate()?)?;

        let key = KeyPair::generate()?;
        let here = server("keyfob-idp", here()?);
        let signed = |mut params: CertificateParams, from: SystemTime, to: SystemTime| -> Result<TlsAcceptor, Unmade> {
            valid(&mut params, from, to);
            acceptor(params.signed_by(&key, &issuer)?.der(), &key)
        };
        let elsewhere = vec![dns("wrong-host.example")?];
        let mut alone = here.clone();
        valid(&mut alone, now - DAY, now + 365 * DAY);
        Ok(Self {
            pem: pem(issuer.der()),
            expired: signed(here.clone(), now - 31 * DAY, now - DAY)?,
            good: signed(here.clone(), now - DAY, now + 365 * DAY)?,
            not_yet_valid: signed(here, now + 30 * DAY, now + 365 * DAY)?,
            self_signed: acceptor(alone.self_signed(&key)?.der(), &key)?,
            wrong_host: signed(server("wrong-host.example", elsewhere), now - DAY, now + 365 * DAY)?,
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authority").field("pem", &self.pem).finish_non_exhaustive()
    }
}

impl From<rcgen::Error> for Unmade {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::Error> for Unmade {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Keyfob tests");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// What a server's certificate must say for the systems that ask most (Apple's): names, usage, under 825 days.
fn server(common_name: &str, names: Vec<SanType>) -> CertificateParams {
    let mut params = named(common_name);
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn valid(params: &mut CertificateParams, from: SystemTime, to: SystemTime) {
    params.not_before = from.into();
    params.not_after = to.into();
}

fn acceptor(certificate: &CertificateDer<'static>, key: &KeyPair) -> Result<TlsAcceptor, Unmade> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Nothing to resume: each connection is to look at the certificate.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The names under which a client can reach the provider.
fn here() -> Result<Vec<SanType>, Unmade> {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    Ok(addresses.into_iter().map(SanType::IpAddress).chain([dns("localhost")?]).collect())
}

fn dns(name: &str) -> Result<SanType, Unmade> {
    Ok(SanType::DnsName(name.try_into()?))
}

/// The text form (RFC 7468), in lines of 64.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----".to_owned();
    for (index, character) in BASE64_STANDARD.encode(certificate).chars().enumerate() {
        if index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + "\n-----END CERTIFICATE-----\n"
}
