import Base
import CArchive
import Glibc

/// How an archive is written: its container and its compression.
public struct ArchiveFormat: Hashable, Sendable {
    public enum Container: Hashable, Sendable { case tar, zip }
    public enum Compression: Hashable, Sendable { case none, gzip, zstd, xz, bzip2 }

    public var container: Container
    public var compression: Compression

    private static let endings: [(ending: String, format: ArchiveFormat)] = [
        ("tar", ArchiveFormat(.tar, .none)), ("tar.gz", ArchiveFormat(.tar, .gzip)),
        ("tgz", ArchiveFormat(.tar, .gzip)),
        ("tar.zst", ArchiveFormat(.tar, .zstd)), ("tzst", ArchiveFormat(.tar, .zstd)),
        ("tar.xz", ArchiveFormat(.tar, .xz)), ("txz", ArchiveFormat(.tar, .xz)),
        ("tar.bz2", ArchiveFormat(.tar, .bzip2)), ("tbz2", ArchiveFormat(.tar, .bzip2)),
        ("zip", ArchiveFormat(.zip, .none)),
    ]

    private init(_ container: Container, _ compression: Compression) {
        self.container = container
        self.compression = compression
    }

    /// The format a file name's ending asks for, or the ending itself: `x.tar.zst`, `zip`.
    ///
    /// - Throws: `MLError(.usage)` naming the endings there are.
    public init(named name: String) throws {
        let lower = name.lowercased()
        guard let known = ArchiveFormat.endings.first(where: { lower == $0.ending || lower.hasSuffix("." + $0.ending) })
        else {
            throw MLError(
                .usage, "'\(name)' does not say which archive to write",
                hint: "known: " + ArchiveFormat.endings.map { "." + $0.ending }.joined(separator: ", "))
        }
        self = known.format
    }
}

/// Writes an archive whose bytes depend on its entries only: no owner, no clock, no locale.
///
/// Tar is pax (POSIX.1-2001), with extended headers only where the plain ones do not suffice. Memory stays constant
/// whatever the files' lengths. One instance belongs to one thread.
public final class ArchiveWriter {
    /// What an entry is.
    public enum Kind: Sendable {
        /// A regular file of so many bytes.
        case file(size: Int64, isExecutable: Bool)
        case symbolicLink(target: String)
        /// An empty folder (a submodule's place).
        case folder
    }

    private let archive: OpaquePointer
    private let name: String
    private let time: Timestamp

    /// - Parameters:
    ///   - file: open for writing; the archive begins where it stands. Not closed.
    ///   - time: the modification time of all entries. Zip keeps it also in local time, so a caller who wants the same
    ///     bytes everywhere runs with `TZ=UTC`.
    /// - Throws: `MLError(.io)` when libarchive cannot start.
    public init(_ file: FileHandle, format: ArchiveFormat, time: Timestamp) throws {
        guard let archive = archive_write_new() else { throw MLError(.io, "cannot start libarchive") }
        self.archive = archive
        name = file.path
        self.time = time
        switch format.container {
        case .tar: try check(archive_write_set_format_pax_restricted(archive))
        case .zip: try check(archive_write_set_format_zip(archive))
        }
        switch format.compression {
        case .none: break
        case .gzip:
            try check(archive_write_add_filter_gzip(archive))
            try check(archive_write_set_filter_option(archive, "gzip", "timestamp", nil))
        case .zstd: try check(archive_write_add_filter_zstd(archive))
        case .xz: try check(archive_write_add_filter_xz(archive))
        case .bzip2: try check(archive_write_add_filter_bzip2(archive))
        }
        // Otherwise the padding depends on whether the output is a file or a pipe.
        try check(archive_write_set_bytes_in_last_block(archive, 1))
        try check(archive_write_open_fd(archive, file.descriptor))
    }

    deinit { archive_write_free(archive) }

    /// Adds an entry.
    ///
    /// - Parameters:
    ///   - path: relative, with `/`.
    ///   - body: sends the content of a file, exactly as many bytes as announced; not called for other kinds.
    /// - Throws: `MLError(.corrupt)` when the content has another length; `MLError(.io)`; errors of `body`.
    public func add(_ path: String, _ kind: Kind, body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void) throws
    {
        try ArchiveLocale.run { try addEntry(path, kind, body) }
    }

    private func addEntry(
        _ path: String, _ kind: Kind, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        guard let entry = archive_entry_new() else { throw MLError(.io, "cannot start libarchive") }
        defer { archive_entry_free(entry) }
        path.withPath { archive_entry_set_pathname(entry, $0) }
        archive_entry_set_mtime(entry, time_t(time.seconds), 0)
        archive_entry_set_uid(entry, 0)
        archive_entry_set_gid(entry, 0)
        var announced: Int64 = 0
        switch kind {
        case .file(let size, let isExecutable):
            announced = size
            archive_entry_set_filetype(entry, UInt32(Glibc.S_IFREG))
            archive_entry_set_perm(entry, isExecutable ? 0o755 : 0o644)
            archive_entry_set_size(entry, size)
        case .symbolicLink(let target):
            archive_entry_set_filetype(entry, UInt32(Glibc.S_IFLNK))
            archive_entry_set_perm(entry, 0o777)
            archive_entry_set_size(entry, 0)
            archive_entry_set_symlink(entry, target)
        case .folder:
            archive_entry_set_filetype(entry, UInt32(Glibc.S_IFDIR))
            archive_entry_set_perm(entry, 0o755)
            archive_entry_set_size(entry, 0)
        }
        try check(archive_write_header(archive, entry), path)
        if case .file = kind {
            var sent: Int64 = 0
            try body { bytes in
                sent += Int64(bytes.count)
                guard sent <= announced else { return }
                try self.write(bytes, path)
            }
            guard sent == announced else {
                throw MLError(.corrupt, "'\(path)' has \(sent) bytes, not the \(announced) that were announced")
            }
        }
        try check(archive_write_finish_entry(archive), path)
    }

    /// Writes the end of the archive.
    public func finish() throws { try check(archive_write_close(archive)) }

    private func write(_ bytes: UnsafeRawBufferPointer, _ path: String) throws {
        var done = 0
        while done < bytes.count {
            let count = archive_write_data(archive, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            guard count > 0 else { throw failure(path) }
            done += count
        }
    }

    private func check(_ status: Int32, _ path: String? = nil) throws {
        // A warning here means that an entry would differ from what was asked for.
        guard status == ARCHIVE_OK else { throw failure(path) }
    }

    private func failure(_ path: String?) -> MLError {
        let number = archive_errno(archive)
        if number == ENOSPC || number == EDQUOT || number == EPIPE || number == EACCES || number == EROFS {
            errno = number
            return Files.ioError("cannot write '\(name)'")
        }
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
        return MLError(.io, "cannot write \(path.map { "'\($0)' into " } ?? "")'\(name)': \(words)")
    }
}
