import Base
import CArchive
import Glibc

/// Copies a file in compressed form, without a container: the same bytes give the same bytes.
public enum CompressedCopy {
    /// - Parameters:
    ///   - source: read from its beginning.
    ///   - target: open for writing; not closed.
    /// - Throws: `MLError(.io)`.
    public static func write(
        _ source: FileHandle, to target: FileHandle, _ compression: ArchiveFormat.Compression
    ) throws {
        guard let archive = archive_write_new(), let entry = archive_entry_new() else {
            throw MLError(.io, "cannot start libarchive")
        }
        defer {
            archive_entry_free(entry)
            archive_write_free(archive)
        }
        func check(_ status: Int32) throws {
            guard status == ARCHIVE_OK else { throw failure(archive, target.path) }
        }
        try check(archive_write_set_format_raw(archive))
        switch compression {
        case .none: break
        case .gzip:
            try check(archive_write_add_filter_gzip(archive))
            try check(archive_write_set_filter_option(archive, "gzip", "timestamp", nil))
        case .zstd: try check(archive_write_add_filter_zstd(archive))
        case .xz: try check(archive_write_add_filter_xz(archive))
        case .bzip2: try check(archive_write_add_filter_bzip2(archive))
        }
        try check(archive_write_set_bytes_in_last_block(archive, 1))
        try check(archive_write_open_fd(archive, target.descriptor))
        archive_entry_set_pathname(entry, "data")
        archive_entry_set_filetype(entry, UInt32(Glibc.S_IFREG))
        try check(archive_write_header(archive, entry))
        try source.forEachPiece { bytes in
            var done = 0
            while done < bytes.count {
                let count = archive_write_data(archive, bytes.baseAddress?.advanced(by: done), bytes.count - done)
                guard count > 0 else { throw failure(archive, target.path) }
                done += count
            }
        }
        try check(archive_write_close(archive))
    }

    private static func failure(_ archive: OpaquePointer, _ name: String) -> MLError {
        let number = archive_errno(archive)
        if number == ENOSPC || number == EDQUOT {
            errno = number
            return Files.ioError("cannot write '\(name)'")
        }
        return MLError(
            .io, "cannot write '\(name)': " + (archive_error_string(archive).map { String(cString: $0) } ?? ""))
    }
}
