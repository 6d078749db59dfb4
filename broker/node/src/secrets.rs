//! The two secrets of a broker, read from files: what peers share, and the admin API's token.
//! It prints neither.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kring_edge::PeerSecret;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::data_dir::{DataDir, write_durably};

/// A token shorter than this is guessable.
const TOKEN_BYTES_MIN: usize = 16;

/// Why a secret cannot be had.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    #[error("{key}: {} cannot be read: {error}", path.display())]
    Unreadable {
        key: &'static str,
        path: PathBuf,
        error: io::Error,
    },
    #[error("{key}: {} holds fewer than {TOKEN_BYTES_MIN} bytes", path.display())]
    TooShort { key: &'static str, path: PathBuf },
    #[error("the token file {} cannot be made: {error}", path.display())]
    NotMade { path: PathBuf, error: io::Error },
}

/// Reads the secret that brokers share.
pub(crate) fn peer_secret(path: &Path) -> Result<PeerSecret, SecretError> {
    let key = "kring.peer.secret.file";
    let path = path.to_owned();
    match fs::read(&path) {
        Ok(content) => PeerSecret::new(&content).ok_or(SecretError::TooShort { key, path }),
        Err(error) => Err(SecretError::Unreadable { key, path, error }),
    }
}

/// The token that requests of the admin API carry.
#[derive(Clone)]
pub(crate) struct Token(Vec<u8>);

impl Token {
    /// Reads the configured file, or the one in the data directory, which is made when it is missing.
    pub(crate) fn read(
        configured: Option<&Path>,
        data_dir: &DataDir,
        fresh: [u8; 16],
    ) -> Result<Token, SecretError> {
        let key = "kring.admin.token.file";
        let path = configured.map_or_else(|| data_dir.token_file(), Path::to_owned);
        let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match fs::read(&path) {
            Ok(content) if content.trim_ascii().len() < TOKEN_BYTES_MIN => {
                Err(SecretError::TooShort { key, path })
            }
            Ok(content) => Ok(Token(content.trim_ascii().to_vec())),
            Err(error) if configured.is_none() && missing(&error) => {
                let token: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                write_durably(&data_dir.path, &name, token.as_bytes(), 0o600).map_err(|error| {
                    SecretError::NotMade {
                        path: path.clone(),
                        error,
                    }
                })?;
                Ok(Token(token.into_bytes()))
            }
            Err(error) => Err(SecretError::Unreadable { key, path, error }),
        }
    }

    /// Whether a request knows the token; takes as long for a near miss as for a far one.
    pub(crate) fn matches(&self, given: &[u8]) -> bool {
        self.0.ct_eq(given).into()
    }
}
