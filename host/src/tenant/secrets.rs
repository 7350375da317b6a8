//! The secrets of a tenant, told to its process by who keeps that: all of them before it opens its Worker, and all of them
//! again whenever one changes. They come on a stream of their own, since one may be longer than a packet; what did not
//! come whole counts for nothing. The buffers at both ends are wiped.
//!
//! First comes the length of the rest, in eight bytes; then for each secret the length of its name in one, the name, the
//! length of its value in four, and the value. Numbers begin with their lowest byte.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use external_worker_secrets::{Secret, SecretName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use super::channel::Hears;
use super::instruct::{Instruction, untold};
use crate::capability::secrets::Known;
use crate::limits;

impl Hears {
    /// Tells the process which secrets there are, and tells it again whenever that changes, until it has heard it.
    pub(super) async fn keep_told(
        &self,
        secrets: Option<watch::Receiver<Arc<Known>>>,
    ) -> Infallible {
        let Some(mut secrets) = secrets else {
            return std::future::pending().await;
        };
        loop {
            let now = Arc::clone(&secrets.borrow_and_update());
            if let Err(error) = self.tell_secrets(&now).await {
                untold("its secrets", &error);
                sleep(limits::TELL_AGAIN_AFTER).await;
                continue;
            }
            drop(now);
            if secrets.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn tell_secrets(&self, known: &Known) -> io::Result<()> {
        let (mut ours, theirs) = UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        self.tell_with(&Instruction::Secrets, &[theirs.into()])
            .await?;
        let bytes = written(known)?;
        let telling = async {
            ours.write_all(&bytes).await?;
            ours.shutdown().await?;
            // It closes its end once it has them.
            ours.read(&mut [0]).await
        };
        timeout(limits::ANSWER_DEADLINE, telling).await??;
        Ok(())
    }
}

/// The secrets that come on `given`, all of them.
///
/// # Errors
/// When they do not come whole.
pub async fn read(given: OwnedFd) -> io::Result<BTreeMap<SecretName, Secret>> {
    let stream = std::os::unix::net::UnixStream::from(given);
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let reading = async {
        let length = stream.read_u64_le().await?;
        let length = usize::try_from(length).ok();
        let length = length.filter(|length| *length <= limits::MAX_SECRETS_BYTES);
        let mut bytes = Zeroizing::new(vec![0; length.ok_or(io::ErrorKind::FileTooLarge)?]);
        stream.read_exact(&mut bytes).await?;
        parsed(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
    };
    timeout(limits::ANSWER_DEADLINE, reading).await?
}

/// In a buffer of the right size, since one that grows leaves old bytes behind.
fn written(known: &Known) -> io::Result<Zeroizing<Vec<u8>>> {
    let wrong = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let lengths = known
        .iter()
        .map(|(name, secret)| 1 + name.as_str().len() + 4 + secret.expose().len());
    let length: usize = lengths.sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 + length));
    bytes.extend_from_slice(&(length as u64).to_le_bytes());
    for (name, secret) in known.iter() {
        let (name, value) = (name.as_str().as_bytes(), secret.expose());
        bytes.push(u8::try_from(name.len()).map_err(wrong)?);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&u32::try_from(value.len()).map_err(wrong)?.to_le_bytes());
        bytes.extend_from_slice(value);
    }
    Ok(bytes)
}

fn parsed(mut bytes: &[u8]) -> Option<BTreeMap<SecretName, Secret>> {
    let mut secrets = BTreeMap::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        let name = std::str::from_utf8(name).ok()?.parse().ok()?;
        secrets.insert(name, Secret::copy_from(value).ok()?);
        bytes = rest;
    }
    Some(secrets)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::capability::Secrets;
    use crate::tenant::channel::Speaks;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn secrets(count: usize, length: usize) -> BTreeMap<SecretName, Secret> {
        let value = vec![7; length];
        let secret = |at: usize| {
            let name = format!("secret-{at}").parse().unwrap();
            (name, Secret::copy_from(&value).unwrap())
        };
        (0..count).map(secret).collect()
    }

    async fn heard(speaks: &Speaks) -> BTreeMap<SecretName, Secret> {
        let next = timeout(PATIENCE, speaks.next()).await.unwrap();
        let (told, mut with) = next.unwrap();
        assert_eq!(told, Instruction::Secrets);
        read(with.pop().unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn all_secrets_are_told_at_the_start_and_whenever_they_change() {
        let (hears, given) = Hears::pair().unwrap();
        let speaks = Speaks::adopt(given).unwrap();
        let live = Secrets::default();
        let receiver = live.subscribe();
        let told = tokio::spawn(async move { hears.keep_told(Some(receiver)).await });
        assert!(heard(&speaks).await.is_empty());
        for (count, length) in [(1, 1), (0, 1), (64, 64 * 1024), (256, 100)] {
            let all = secrets(count, length);
            live.replace(all.clone());
            let heard = heard(&speaks).await;
            assert!(heard.keys().eq(all.keys()), "{count}");
            let mut values = heard.values().map(Secret::expose);
            assert!(values.all(|value| value.len() == length));
        }
        told.abort();
    }

    #[tokio::test]
    async fn what_does_not_come_whole_counts_for_nothing() {
        let whole = written(&Secrets::new(secrets(3, 10)).now()).unwrap();
        let mut claims = whole.clone();
        claims[0..8].copy_from_slice(&u64::MAX.to_le_bytes());
        let mut shifted = whole.clone();
        shifted[8] += 1;
        for bytes in [&whole[..whole.len() - 1], &claims, &shifted, &[]] {
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(bytes).await.unwrap();
            drop(ours);
            read(theirs.into_std().unwrap().into()).await.unwrap_err();
        }
        assert_eq!(parsed(&whole[8..]).unwrap().len(), 3);
    }

    #[test]
    fn as_much_as_a_tenant_may_have_is_told() {
        use external_worker_secrets::name::MAX_NAME_BYTES;
        use external_worker_secrets::vault::{MAX_SECRETS, MAX_TENANT_BYTES};
        let most = MAX_TENANT_BYTES + MAX_SECRETS * (1 + MAX_NAME_BYTES + 4);
        assert!(most <= limits::MAX_SECRETS_BYTES);
    }
}
