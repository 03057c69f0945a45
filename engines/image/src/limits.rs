//! Numbers that bound what an image, an archive or user data may ask for. The unit comes last.

/// What an unpacked image may take on the disk, unless the settings say otherwise.
pub const IMAGE_BYTES_MAX: u64 = 32 * 1024 * 1024 * 1024;

/// Files, folders and links of one image. Debian with a desktop has about three hundred thousand.
pub const IMAGE_ENTRIES_MAX: u64 = 2_000_000;

/// Layers of an OCI image. Container engines stop at 127.
pub const LAYERS_MAX: usize = 256;

/// A path inside an archive, as in the kernel's PATH_MAX.
pub const PATH_BYTES_MAX: usize = 4096;

/// Folders within each other inside an archive.
pub const PATH_DEPTH_MAX: usize = 256;

/// Headers of one entry of a tar archive: long names and extended attributes are read into memory as a whole.
pub const ENTRY_HEADER_BYTES_MAX: u64 = 1024 * 1024;

/// An index, a manifest or a configuration of an OCI archive, which is read as a whole.
pub const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Indexes that refer to indexes.
pub const INDEX_DEPTH_MAX: usize = 4;

/// Files in the outer archive: blobs, manifests, tags.
pub const ARCHIVE_ENTRIES_MAX: usize = 4096;

/// Links from one file of the outer archive to another, as old versions of Docker write for layers that repeat.
pub const ARCHIVE_LINKS_MAX: usize = 8;

/// User data after decompression. EC2 takes 16 KiB of it, which may be gzip.
pub const USER_DATA_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Multi-part messages within each other, and compressed parts within parts.
pub const USER_DATA_DEPTH_MAX: usize = 5;

/// Parts of a multi-part message.
pub const USER_DATA_PARTS_MAX: usize = 256;

/// Values of a cloud-config, counted after aliases are followed.
pub const YAML_NODES_MAX: usize = 50_000;

/// Lists and maps within each other in a cloud-config.
pub const YAML_DEPTH_MAX: usize = 32;

/// What a disk that is brought in or made may have: an EC2 volume has 64 TiB at most, of which images use little.
pub const DISK_BYTES_MAX: u64 = 16 << 40;

/// A disk of an image, unless more is needed: what EC2's own Linux images ask for.
pub const DISK_BYTES: u64 = 8 << 30;

/// Memory that a program which reads a disk of others' may map, and processor time that it may take.
pub const CONVERSION_MEMORY_BYTES_MAX: u64 = 4 << 30;
pub const CONVERSION_CPU_SECONDS_MAX: u64 = 1800;

/// The descriptor inside a VMDK file.
pub const DESCRIPTOR_BYTES_MAX: u64 = 1024 * 1024;

/// One table of a qcow2 file: the largest first one that QEMU takes.
pub const QCOW2_TABLE_BYTES_MAX: u64 = 32 << 20;

/// Entries of a partition table, and groups of a file system, beyond which it is taken for nonsense.
pub const PARTITIONS_MAX: u32 = 256;
pub const GROUPS_MAX: u64 = 1 << 20;

/// What is kept of the output of a program that builds an image, for its error message.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// How long one program of a build may take.
pub const PROGRAM_SECONDS_MAX: u64 = 1800;
