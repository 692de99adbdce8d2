import Base

/// Which driver a URL means.
public enum StorageURL {
    /// Opens the storage behind a URL or path.
    ///
    /// - Parameters:
    ///   - base: what a relative path is relative to: the top of the work tree.
    ///   - settings: what the driver may know besides.
    /// - Throws: `MLError(.invalidInput)` for a scheme without a driver.
    public static func open(_ url: String, relativeTo base: String, settings: StorageSettings = StorageSettings())
        throws -> any Storage
    {
        if url.hasPrefix("file://") {
            let path = url.dropFirst("file://".count)
            guard path.hasPrefix("/") else {
                throw MLError(.invalidInput, "'\(url)' is not absolute", hint: "write file:///path, or a plain path")
            }
            return FolderStorage(root: String(path).withoutSlash)
        }
        if ["http://", "https://", "webdav://", "webdavs://", "dav://", "davs://"].contains(where: url.hasPrefix) {
            return try HTTPStorage(url: url.withoutSlash, settings: settings)
        }
        if ["webhdfs://", "swebhdfs://", "hdfs://"].contains(where: url.hasPrefix) {
            return try WebHDFSStorage(url: url, settings: settings)
        }
        if url.hasPrefix("gdrive://") { return try GoogleDriveStorage(url: url.withoutSlash, settings: settings) }
        if url.hasPrefix("oci://") { return try OCIStorage(url: url.withoutSlash) }
        if url.hasPrefix("rclone:") { return try RcloneStorage(url: url) }
        if url.hasPrefix("s3://") { return try S3Storage(url: url, settings: settings) }
        if url.hasPrefix("gs://") { return try GCSStorage(url: url, settings: settings) }
        if url.hasPrefix("oss://") { return try OSSStorage.open(url: url, settings: settings) }
        if url.hasPrefix("azure://") { return try AzureStorage(url: url, settings: settings) }
        if let address = try sshAddress(url, base) { return SFTPStorage(address, git: settings.git) }
        if let scheme = url.firstRange(of: "://") {
            throw MLError(
                .invalidInput, "no driver for '\(url[..<scheme.lowerBound])://' remotes",
                hint: "'git mldata remote add --help' lists the kinds of storage there are")
        }
        if url.isEmpty { throw MLError(.invalidInput, "an empty string is no remote") }
        return FolderStorage(root: Files.join(base, url).withoutSlash)
    }

    /// `host:path` is taken for a machine when there is no such file here and the host is more than one letter.
    private static func sshAddress(_ url: String, _ base: String) throws -> SSHAddress? {
        if url.firstRange(of: "://") == nil {
            let host = url.prefix { $0 != ":" }
            if host.count < 2 || Files.exists(Files.join(base, url)) { return nil }
        }
        return try SSHAddress(url)
    }
}
