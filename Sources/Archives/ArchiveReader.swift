import Base
import CArchive
import Glibc

/// Reads archives of the formats and compressions libarchive knows.
public enum ArchiveReader {
    /// What was unpacked.
    public struct Summary: Hashable, Sendable {
        public var files = 0
        public var bytes: Int64 = 0
    }

    /// Unpacks an archive below a folder, which is created when it is not there.
    ///
    /// Entries that would leave the folder (absolute paths, `..`, through symbolic links) and those that are neither file,
    /// folder nor link are an error; what was unpacked before stays. Owners and set-user bits are not restored.
    ///
    /// - Throws: `MLError(.corrupt)` for what is no archive or a damaged one.
    public static func extract(
        _ path: String, into directory: String, progress: any ProgressReporter = SilentProgress()
    ) throws -> Summary {
        try ArchiveLocale.run { try extractFiles(path, directory, progress) }
    }

    private static func extractFiles(
        _ path: String, _ directory: String, _ progress: any ProgressReporter
    ) throws -> Summary {
        guard Files.exists(path) else { throw MLError(.notFound, "cannot open '\(path)': no such file") }
        try Files.makeDirectories(directory)
        guard let root = realpath(directory, nil) else { throw Files.ioError("cannot resolve '\(directory)'") }
        defer { free(root) }
        let top = String(cString: root)

        guard let reader = archive_read_new(), let writer = archive_write_disk_new() else {
            throw MLError(.io, "cannot start libarchive")
        }
        defer {
            archive_read_free(reader)
            archive_write_free(writer)
        }
        // Not mtree: nearly every text is one, and it takes content from other files of this machine.
        for support in [
            archive_read_support_format_tar, archive_read_support_format_gnutar, archive_read_support_format_zip,
            archive_read_support_format_7zip, archive_read_support_format_cpio, archive_read_support_format_rar,
            archive_read_support_format_rar5, archive_read_support_format_cab, archive_read_support_format_lha,
            archive_read_support_format_xar, archive_read_support_format_iso9660, archive_read_support_format_ar,
            archive_read_support_format_warc, archive_read_support_format_empty,
        ] {
            _ = support(reader)
        }
        archive_read_support_filter_all(reader)
        let safe =
            ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_TIME
        archive_write_disk_set_options(writer, safe)
        try check(archive_read_open_filename(reader, path, 1 << 16), reader, path)

        var summary = Summary()
        while true {
            var entry: OpaquePointer?
            let status = archive_read_next_header(reader, &entry)
            if status == ARCHIVE_EOF { break }
            try check(status, reader, path)
            guard let entry, let name = archive_entry_pathname(entry).map({ String(cString: $0) }) else {
                throw MLError(.corrupt, "'\(path)' holds an entry without a readable name")
            }
            let link = archive_entry_hardlink(entry).map { String(cString: $0) }
            for target in [name, link].compactMap({ $0 }) where leaves(target) {
                throw MLError(.corrupt, "'\(path)' holds '\(target)', which would be outside '\(directory)'")
            }
            let type = archive_entry_filetype(entry)
            guard link != nil || [Glibc.S_IFREG, Glibc.S_IFDIR, Glibc.S_IFLNK].contains(mode_t(type)) else {
                throw MLError(.corrupt, "'\(path)' holds '\(name)', which is neither file, folder nor link")
            }
            archive_entry_set_pathname(entry, top + "/" + name)
            if let link { archive_entry_set_hardlink(entry, top + "/" + link) }
            try check(archive_write_header(writer, entry), writer, name)
            summary.bytes += try copy(reader, writer, name)
            try check(archive_write_finish_entry(writer), writer, name)
            if mode_t(type) == Glibc.S_IFREG { summary.files += 1 }
            progress.report("Unpacking", completed: summary.files, total: nil, detail: name)
        }
        if summary.files == 0 && summary.bytes == 0 { throw MLError(.corrupt, "'\(path)' holds no files") }
        return summary
    }

    private static func leaves(_ name: String) -> Bool {
        name.hasPrefix("/") || name.split(separator: "/").contains("..")
    }

    private static func copy(_ reader: OpaquePointer, _ writer: OpaquePointer, _ name: String) throws -> Int64 {
        var total: Int64 = 0
        while true {
            var block: UnsafeRawPointer?
            var size = 0
            var offset: Int64 = 0
            let status = archive_read_data_block(reader, &block, &size, &offset)
            if status == ARCHIVE_EOF { return total }
            try check(status, reader, name)
            guard archive_write_data_block(writer, block, size, offset) >= 0 else { throw failure(writer, name) }
            total += Int64(size)
        }
    }

    private static func check(_ status: Int32, _ archive: OpaquePointer, _ name: String) throws {
        // Warnings (an owner that cannot be set) do not touch the content.
        if status < ARCHIVE_WARN { throw failure(archive, name) }
    }

    private static func failure(_ archive: OpaquePointer, _ name: String) -> MLError {
        let words = archive_error_string(archive).map { String(cString: $0) } ?? "unknown error"
        let number = archive_errno(archive)
        if number == ENOSPC || number == EACCES || number == EROFS {
            errno = number
            return Files.ioError("cannot unpack '\(name)'")
        }
        return MLError(.corrupt, "cannot unpack '\(name)': \(words)")
    }
}
