//! Objects: files that are written once and read by others, in a folder or in a bucket of S3's kind.
//!
//! Comes in: a name with `/` between its parts, and bytes. Goes out: the same bytes. An object is there whole or not at
//! all, and on disk when [`Objects::put`] returns. Never: keys in the configuration; they come from the environment
//! (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL`) or from the machine's own role.

use super::{StorageError, config::StorageConfig};
use object_store::{
    ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, local::LocalFileSystem, path::Path as Name,
    prefix::PrefixStore,
};
use std::{path::Path, sync::Arc};

/// Where objects lie. Clones share it.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    address: String,
}

impl Objects {
    /// Opens what `config` names; a relative folder lies in the folder `data`, and is made.
    pub fn open(config: &StorageConfig, data: &Path) -> Result<Self, StorageError> {
        let address = config.objects.clone();
        let opened = || -> Result<Arc<dyn ObjectStore>, object_store::Error> {
            let Some(bucket) = address.strip_prefix("s3://") else {
                let folder = data.join(&address);
                let made = std::fs::create_dir_all(&folder);
                made.map_err(|error| object_store::Error::Generic { store: "folder", source: error.into() })?;
                return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_fsync(true)));
            };
            let (bucket, below) = bucket.split_once('/').unwrap_or((bucket, ""));
            let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
            Ok(if below.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, below)) })
        };
        let store = opened().map_err(|source| StorageError::Objects { address: address.clone(), source })?;
        Ok(Self { store, address })
    }

    fn fault(&self, source: object_store::Error) -> StorageError {
        StorageError::Objects { address: self.address.clone(), source }
    }

    /// Writes the object `name`, in place of one that is there.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.store.put(&Name::from(name), bytes.into()).await.map(|_| ()).map_err(|source| self.fault(source))
    }

    /// The bytes of the object `name`.
    pub async fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let got = async { self.store.get(&Name::from(name)).await?.bytes().await };
        got.await.map(Vec::from).map_err(|source| self.fault(source))
    }

    /// Removes the object `name`, if it is there.
    pub async fn remove(&self, name: &str) -> Result<(), StorageError> {
        match self.store.delete(&Name::from(name)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.fault(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_put_is_there_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(&StorageConfig::default(), folder.path()).unwrap();
        let name = "league=a b/game=1/é.parquet";
        objects.put(name, vec![1]).await.unwrap();
        objects.put(name, vec![2, 3]).await.unwrap();
        assert_eq!(objects.get(name).await.unwrap(), [2, 3]);
        assert!(folder.path().join("objects/league=a b/game=1").is_dir());
        objects.remove(name).await.unwrap();
        objects.remove(name).await.unwrap();
        assert!(objects.get(name).await.unwrap_err().to_string().starts_with("objects objects: "));
    }
}
