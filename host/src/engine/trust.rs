//! Whose certificates are believed when somebody is spoken to over TLS: by guests and by the host itself.
//!
//! Those that the machine believes, or in their place those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, as
//! everywhere else on the machine; on a machine that has none, those that browsers believe. And besides
//! those of files that the operator names. What the operator names and cannot be used is an error.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::{HostError, Result};
use crate::limits::MAX_CA_FILE_BYTES;

/// The variables that name other certificates than those of the machine.
pub const TRUST_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Whose certificates are believed. Clones share what was read.
#[derive(Clone, Default)]
pub struct Trust(Arc<Inner>);

#[derive(Default)]
struct Inner {
    added: Vec<CertificateDer<'static>>,
    client: OnceLock<std::result::Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    /// Believes the certificates in these files, in PEM form, besides those of the machine.
    ///
    /// # Errors
    /// When a file cannot be read, or has none that can be used; when one that a variable names is so.
    pub fn with_files(files: &[PathBuf]) -> Result<Self> {
        let mut added = Vec::new();
        for path in files {
            added.extend(certificates(path).map_err(cannot_use(path))?);
        }
        let client = OnceLock::new();
        let trust = Self(Arc::new(Inner { added, client }));
        // What somebody chose is looked at now, what the machine has when it is needed.
        if TRUST_VARIABLES
            .map(std::env::var_os)
            .iter()
            .any(Option::is_some)
        {
            trust.read()?;
        }
        Ok(trust)
    }

    /// Reads everything now, for a process that will not be able to.
    ///
    /// # Errors
    /// Those of [`Self::client`].
    pub fn read(&self) -> Result<()> {
        let read = self.client().map(drop);
        read.map_err(|problem| HostError::Certificates(problem.to_owned()))
    }

    /// What speaks TLS as a client, HTTP/1.1.
    ///
    /// # Errors
    /// A sentence, when the certificates that a variable names cannot be used.
    pub fn client(&self) -> std::result::Result<Arc<ClientConfig>, &str> {
        let client = self.0.client.get_or_init(|| client(&self.0.added));
        client.as_ref().map(Arc::clone).map_err(String::as_str)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

fn client(added: &[CertificateDer<'static>]) -> std::result::Result<Arc<ClientConfig>, String> {
    let mut roots = believed()?;
    for certificate in added {
        // They were checked when they were read.
        let _ = roots.add(certificate.clone());
    }
    // Named, because a default that two libraries disagree on ends the process.
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS is not available: {error}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Those of the machine, or of who named others.
fn believed() -> std::result::Result<RootCertStore, String> {
    let named: Vec<_> = TRUST_VARIABLES
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some())
        .collect();
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if !named.is_empty() {
        let named = named.join(" and ");
        return match found.errors.first() {
            Some(error) => Err(format!(
                "the certificates of {named} cannot be used: {error}"
            )),
            None if usable == 0 => Err(format!("{named} has no certificate in PEM form")),
            None => Ok(roots),
        };
    }
    for error in found.errors {
        tracing::debug!("a certificate of the machine is left out: {error}");
    }
    if usable == 0 {
        tracing::debug!("the machine has no certificates; the host uses those that browsers trust");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    Ok(roots)
}

fn cannot_use(path: &Path) -> impl FnOnce(io::Error) -> HostError {
    let path = path.to_owned();
    move |source| HostError::File {
        action: "use the certificates in",
        path,
        source,
    }
}

/// Every certificate of a file, of which there has to be one, and each has to be one that can be used.
fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let mut pem = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_CA_FILE_BYTES + 1).read_to_end(&mut pem)?;
    if pem.len() as u64 > MAX_CA_FILE_BYTES {
        return Err(wrong(format!("it has more than {MAX_CA_FILE_BYTES} bytes")));
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        let usable = RootCertStore::empty().add(certificate.clone());
        usable.map_err(|error| wrong(error.to_string()))?;
        found.push(certificate);
    }
    if found.is_empty() {
        return Err(wrong("it has no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_and_cannot_be_used_is_an_error_that_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (name, content, part) in [
            ("none.pem", "no certificate", "no certificate in PEM form"),
            ("broken.pem", broken, "certificate"),
            ("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB", "cut.pem"),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            let problem = Trust::with_files(std::slice::from_ref(&path)).unwrap_err();
            let problem = problem.to_string();
            assert!(
                problem.contains("cannot use the certificates in"),
                "{problem}"
            );
            assert!(
                problem.contains(name) && problem.contains(part),
                "{problem}"
            );
        }
        let missing = Trust::with_files(&[dir.path().join("missing.pem")]).unwrap_err();
        assert!(missing.to_string().contains("missing.pem"), "{missing}");
        let endless = Trust::with_files(&[PathBuf::from("/dev/zero")]).unwrap_err();
        assert!(endless.to_string().contains("more than"), "{endless}");
    }

    #[test]
    fn the_certificates_of_the_machine_are_believed() {
        Trust::default().client().unwrap();
    }
}
