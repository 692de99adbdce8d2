import Base
import Glibc

/// One file behind a URL or a path, brought only when it changed.
public enum RemoteFile {
    public enum Result: Hashable, Sendable {
        case unchanged
        /// Written to the target; `tag` names this version: an HTTP entity tag or date, or a local file's time and size.
        case changed(tag: String?, bytes: Int64)
    }

    /// Writes the file to `target`, in one step, unless the source still is what `known` names.
    ///
    /// - Parameters:
    ///   - url: `http(s)://`, `file://` or an absolute path.
    ///   - known: the tag of the version at hand.
    /// - Throws: `MLError(.notFound)`, `MLError(.io)`, `MLError(.invalidInput)` for another scheme.
    public static func fetch(
        _ url: String, unless known: String?, to target: String, progress: any ProgressReporter
    ) throws -> Result {
        if url.hasPrefix("http://") || url.hasPrefix("https://") {
            return try download(url, unless: known, to: target, progress)
        }
        guard url.hasPrefix("/") || url.hasPrefix("file:///") else {
            throw MLError(.invalidInput, "cannot import from '\(url)'", hint: "use http(s)://, file:// or a path")
        }
        let path = url.hasPrefix("/") ? url : String(url.dropFirst("file://".count))
        guard let status = Files.status(path), status.isRegular else {
            throw MLError(.notFound, "file '\(path)' does not exist")
        }
        let tag = "\(status.modifiedSeconds).\(status.modifiedNanoseconds)-\(status.size)"
        if tag == known { return .unchanged }
        try Files.makeDirectories(Files.parent(of: target))
        try Files.copy(path, to: target)
        return .changed(tag: tag, bytes: status.size)
    }

    private static func download(
        _ url: String, unless known: String?, to target: String, _ progress: any ProgressReporter
    ) throws -> Result {
        try Files.makeDirectories(Files.parent(of: target))
        let temporary = Files.temporaryName(beside: target)
        do {
            let file = try FileHandle(creating: temporary)
            var bytes: Int64 = 0
            var request = HTTPRequest(method: "GET", url: url)
            if let known {
                request.headers.append(
                    known.hasPrefix("date ") ? "If-Modified-Since: \(known.dropFirst(5))" : "If-None-Match: \(known)")
            }
            let answer = try request.send { part in
                try file.writeAll(part)
                bytes += Int64(part.count)
                progress.report("Downloading", completed: Int(bytes >> 20), total: nil, detail: "MiB of \(url)")
            }
            switch answer.status {
            case 200:
                try file.synchronize()
                try file.close()
                try Files.rename(temporary, to: target)
                let tag = answer.headers["etag"] ?? answer.headers["last-modified"].map { "date " + $0 }
                return .changed(tag: tag, bytes: bytes)
            case 304:
                try Files.remove(temporary)
                return .unchanged
            case 404, 410:
                throw MLError(.notFound, "'\(URLText.withoutCredentials(url))' does not exist (\(answer.status))")
            case 401, 403:
                throw MLError(
                    .failed, "'\(URLText.withoutCredentials(url))' is not for everybody (\(answer.status))",
                    hint: "credentials are taken from ~/.netrc")
            default: throw MLError(.io, "'\(URLText.withoutCredentials(url))' answered \(answer.status)")
            }
        } catch {
            try? Files.remove(temporary)
            throw error
        }
    }
}
