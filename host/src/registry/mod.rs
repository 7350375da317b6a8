//! OCI registries: how one is asked for a module, and who asks.
//!
//! A few requests of the distribution protocol: the manifest, or an index and what it leads to, one layer,
//! and a token where the registry wants one. Whatever a registry answers is bounded before it is read, and
//! checked against its digest before it is used. Plain HTTP goes to this machine and nowhere else: not by a
//! redirect, not for a token. A login is looked for when the registry asks for one, and goes to that
//! registry, and to where it says that tokens for it are given.
//!
//! These requests are our own, on `reqwest`: the client crate for OCI reads answers without a bound,
//! and follows redirects and token realms anywhere, plain HTTP included. A registry could ask for the
//! login at its own door, so whoever it names for tokens is not a stranger. The place that it sends to for
//! a layer is one, and is told nothing. What is open to everybody needs no login, and no credential
//! helper that works.

mod challenge;
mod digest;
mod logins;
mod manifest;
mod reference;
mod session;
mod transport;

pub use self::digest::Digest;
#[cfg(feature = "cli")]
pub(crate) use self::logins::write_private;
pub use self::logins::{Kept, Login, LoginError, Logins, SECRET_VARIABLES};
pub use self::reference::{Reference, RegistryName};
#[cfg(feature = "cli")]
pub(crate) use self::transport::sentence;

use self::manifest::{Kind, Manifest};
use self::session::Session;
use crate::engine::Trust;
use crate::limits::{
    MAX_ARCHIVE_BYTES, MAX_COMPONENT_BYTES, MAX_OCI_INDEX_DEPTH, OCI_LOGIN_TIMEOUT,
    OCI_PULL_TIMEOUT,
};

/// How registries are reached. The default believes whom the machine believes, and has no logins.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The logins that there are.
    pub logins: Logins,
}

/// What was in a registry.
pub enum Pulled {
    /// A zip archive with a module.
    Module(Vec<u8>),
    /// One component.
    Component(Vec<u8>),
}

/// Why there is nothing from a registry. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A reference is wrong.
    #[error("`{reference}` is not a reference to a module in a registry: {problem}")]
    Reference {
        /// The reference, cleaned.
        reference: String,
        /// What is wrong.
        problem: String,
    },
    /// The name of a registry is wrong.
    #[error("`{name}` is not a registry: name its host and, if it has its own, the port")]
    Name {
        /// The name, cleaned.
        name: String,
    },
    /// The registry did not give it.
    #[error("cannot take {reference} from its registry: {problem}")]
    Pull {
        /// The reference.
        reference: String,
        /// What went wrong.
        problem: String,
    },
    /// The registry did not take a login.
    #[error("cannot log in to {registry}: {problem}")]
    Login {
        /// The registry.
        registry: String,
        /// What went wrong.
        problem: String,
    },
}

impl Registries {
    /// Takes what a reference refers to, and says which that was: the reference, pinned by its digest.
    ///
    /// # Errors
    /// When the registry does not give it, or it is not what its digest says.
    pub async fn pull(&self, reference: &Reference) -> Result<(Pulled, Reference), RegistryError> {
        let failed = |problem| RegistryError::Pull {
            reference: reference.to_string(),
            problem,
        };
        let pulling = tokio::time::timeout(OCI_PULL_TIMEOUT, self.pull_now(reference));
        let limit = OCI_PULL_TIMEOUT.as_secs();
        let late = |_| failed(format!("it took more than {limit} s"));
        pulling.await.map_err(late)?.map_err(failed)
    }

    async fn pull_now(&self, reference: &Reference) -> Result<(Pulled, Reference), String> {
        let mut session = Session::new(self, reference.registry(), reference.repository()).await?;
        let (mut content, digest) = session.manifest(reference.version()).await?;
        let mut depth = 0_usize;
        let layers = loop {
            match manifest::read(&content)? {
                Manifest::Layers(layers) => break layers,
                Manifest::Index(_) if depth == MAX_OCI_INDEX_DEPTH => {
                    return Err(format!(
                        "its indexes lead to each other more than {MAX_OCI_INDEX_DEPTH} levels deep"
                    ));
                }
                Manifest::Index(entries) => {
                    depth = depth.saturating_add(1);
                    let (digest, size) = manifest::choose(entries)?.content()?;
                    (content, _) = session.manifest(digest.as_str()).await?;
                    if content.len() as u64 != size {
                        return Err("its index gives another size for its manifest".to_owned());
                    }
                }
            }
        };
        let layer = manifest::module(layers)?;
        let limit = match layer.kind {
            Kind::Component => MAX_COMPONENT_BYTES,
            Kind::Module | Kind::Other => MAX_ARCHIVE_BYTES,
        };
        if layer.size > limit {
            let size = layer.size;
            return Err(format!(
                "it has {size} bytes, more than the {limit} allowed"
            ));
        }
        let content = session.blob(&layer.digest, layer.size).await?;
        let pulled = match layer.kind {
            Kind::Component => Pulled::Component(content),
            Kind::Module | Kind::Other => Pulled::Module(content),
        };
        Ok((pulled, reference.pinned(digest)))
    }

    /// Whether a registry takes a login.
    ///
    /// # Errors
    /// When it does not, or does not answer.
    pub async fn check(&self, registry: &RegistryName, login: Login) -> Result<(), RegistryError> {
        let failed = |problem| RegistryError::Login {
            registry: registry.to_string(),
            problem,
        };
        let registries = Self {
            trust: self.trust.clone(),
            logins: Logins::given(login),
        };
        let checking = async {
            let mut session = Session::new(&registries, registry, "").await?;
            session.check().await
        };
        let checked = tokio::time::timeout(OCI_LOGIN_TIMEOUT, checking).await;
        let limit = OCI_LOGIN_TIMEOUT.as_secs();
        let late = |_| failed(format!("it took more than {limit} s"));
        checked.map_err(late)?.map_err(failed)
    }
}
