import Base

/// A folder on Google Drive as remote (Drive API v3). Keys are the names of files in that one folder, slashes and all.
public final class GoogleDriveStorage: Storage, @unchecked Sendable {
    private let folder: String
    private let base: String
    private let token: GoogleToken
    private let mutex = Mutex()
    private var known: [String: Entry] = [:]

    private struct Entry {
        var id: String
        var size: Int64
        var checksum: String?
    }

    /// Uploads go in parts of this length, a multiple of 256 KiB as the API demands.
    private static let partLength: Int64 = 16 << 20

    /// - Parameters:
    ///   - url: `gdrive://folder-id`: what stands behind `/folders/` in the browser.
    ///   - settings: `credentialFile`; `endpoint`, for a stand-in.
    public init(url: String, settings: StorageSettings = StorageSettings()) throws {
        folder = String(url.dropFirst("gdrive://".count))
        guard !folder.isEmpty, folder.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) })
        else {
            throw MLError(
                .invalidInput, "'\(url)' names no folder of Google Drive",
                hint: "write gdrive://ID, where ID is what stands behind '/folders/' in the browser")
        }
        base = try settings.ownEndpoint() ?? "https://www.googleapis.com"
        token = try GoogleToken(
            scope: "https://www.googleapis.com/auth/drive", settings: settings,
            tokenAddress: settings["endpoint"].map { $0 + "/token" })
    }

    public var name: String { "gdrive://" + folder }

    public func put(_ items: [StorageItem]) throws {
        for item in items {
            if try entry(item.key, fresh: true) != nil { continue }
            let file = try FileHandle(reading: item.file)
            let id = try upload(file, file.status().size, item.key)
            // Names need not be unique there: of those who came at the same time the first in order stays.
            let all = try find("name = '\(GoogleDriveStorage.quoted(item.key))'")
            guard let first = all.min(by: { $0.entry.id < $1.entry.id }) else {
                throw MLError(.io, "\(name) does not show '\(item.key)' after its upload")
            }
            if first.entry.id != id { try remove(id, item.key) }
            mutex.withLock { known[item.key] = first.entry }
        }
    }

    public func get(_ key: String, range: Range<Int64>?) throws -> [UInt8] {
        guard let entry = try entry(key) else { throw MLError(.notFound, "\(name) has no '\(key)'") }
        let wanted = range ?? 0..<entry.size
        guard wanted.upperBound <= entry.size else {
            throw MLError(.corrupt, "'\(key)' on \(name) ends before byte \(wanted.upperBound)")
        }
        if wanted.isEmpty { return [] }
        let answer = try send(
            "GET", "/drive/v3/files/\(entry.id)?alt=media&supportsAllDrives=true",
            ["Range: bytes=\(wanted.lowerBound)-\(wanted.upperBound - 1)"])
        try require(answer, [200, 206], "read", key)
        let body = answer.status == 200 ? answer.body.dropFirst(Int(wanted.lowerBound)) : answer.body[...]
        guard body.count >= wanted.count else {
            throw MLError(.io, "\(name) sent \(body.count) bytes of '\(key)' instead of \(wanted.count)")
        }
        let bytes = Array(body.prefix(wanted.count))
        if wanted.count == Int(entry.size), let checksum = entry.checksum, checksum != ObjectID.of(bytes).hex {
            throw MLError(.corrupt, "'\(key)' on \(name) does not have the checksum it is listed with")
        }
        return bytes
    }

    public func size(of key: String) throws -> Int64? { try entry(key, fresh: true)?.size }

    public func list(_ prefix: String) throws -> [String] {
        // The API's "contains" looks at beginnings of words only, so what is asked for is everything in the folder.
        let found = try find(nil)
        mutex.withLock { for (key, entry) in found where known[key] == nil { known[key] = entry } }
        return Set(found.map(\.key)).filter { $0.hasPrefix(prefix) }.sorted()
    }

    public func delete(_ key: String) throws {
        for (_, entry) in try find("name = '\(GoogleDriveStorage.quoted(key))'") { try remove(entry.id, key) }
        _ = mutex.withLock { known.removeValue(forKey: key) }
    }

    // MARK: - The API

    private func entry(_ key: String, fresh: Bool = false) throws -> Entry? {
        if !fresh, let entry = mutex.withLock({ known[key] }) { return entry }
        let found = try find("name = '\(GoogleDriveStorage.quoted(key))'").map(\.entry).min { $0.id < $1.id }
        mutex.withLock { known[key] = found }
        return found
    }

    /// Files of the folder, as far as a condition goes (Drive API: "Search query terms").
    private func find(_ condition: String?) throws -> [(key: String, entry: Entry)] {
        let query = (["'\(folder)' in parents", "trashed = false"] + (condition.map { [$0] } ?? []))
            .joined(separator: " and ")
        let path =
            "/drive/v3/files?q=\(PercentEncoding.encode(query))&pageSize=1000&supportsAllDrives=true"
            + "&includeItemsFromAllDrives=true&fields="
            + PercentEncoding.encode("nextPageToken,files(id,name,size,sha256Checksum)")
        var found: [(key: String, entry: Entry)] = []
        var page = ""
        repeat {
            let answer = try send("GET", path + (page.isEmpty ? "" : "&pageToken=" + PercentEncoding.encode(page)), [])
            try require(answer, [200], "list", folder)
            let document = try JSON(parsing: answer.body)
            for file in document["files"]?.arrayValue ?? [] {
                guard let id = file["id"]?.stringValue, let key = file["name"]?.stringValue,
                    let size = file["size"]?.stringValue.flatMap({ Int64($0) })
                else { continue }
                found.append((key, Entry(id: id, size: size, checksum: file["sha256Checksum"]?.stringValue)))
            }
            page = document["nextPageToken"]?.stringValue ?? ""
        } while !page.isEmpty
        return found
    }

    /// A resumable upload (Drive API: "Upload file data"): a session first, then parts; after a broken line the session says
    /// how much it has.
    private func upload(_ file: FileHandle, _ size: Int64, _ key: String) throws -> String {
        let about: JSON = ["name": .string(key), "parents": [.string(folder)]]
        let begun = try send(
            "POST", "/upload/drive/v3/files?uploadType=resumable&supportsAllDrives=true",
            ["Content-Type: application/json", "X-Upload-Content-Length: \(size)"], Array(about.compact().utf8))
        try require(begun, [200], "begin to write", key)
        guard let session = begun.headers["location"] else {
            throw MLError(.invalidInput, "\(name) names no place to write '\(key)' to")
        }
        var position: Int64 = 0
        while true {
            let part = position..<min(position + GoogleDriveStorage.partLength, size)
            let bytes = try file.read(count: Int(part.upperBound - part.lowerBound), at: part.lowerBound)
            let span = part.isEmpty ? "*" : "\(part.lowerBound)-\(part.upperBound - 1)"
            let answer = try send("PUT", session, ["Content-Range: bytes \(span)/\(size)"], bytes)
            if answer.status == 308 {
                let end = answer.headers["range"]?.split(separator: "-").last.flatMap { Int64($0) }
                position = end.map { $0 + 1 } ?? 0
                continue
            }
            try require(answer, [200, 201], "write", key)
            guard let id = (try? JSON(parsing: answer.body))?["id"]?.stringValue else {
                throw MLError(.invalidInput, "\(name) gave '\(key)' no id")
            }
            return id
        }
    }

    private func remove(_ id: String, _ key: String) throws {
        let answer = try send("DELETE", "/drive/v3/files/\(id)?supportsAllDrives=true", [])
        try require(answer, [200, 204, 404], "delete", key)
    }

    private func send(
        _ method: String, _ place: String, _ headers: [String], _ body: [UInt8]? = nil
    ) throws -> HTTPRequest.Answer {
        var backoff = Backoff()
        for attempt in 1... {
            let bearer = try token.current()
            let answer = try PatientRequest().send {
                var request = HTTPRequest(
                    method: method, url: place.hasPrefix("/") ? base + place : place,
                    headers: headers + ["Authorization: Bearer " + bearer], body: body)
                request.usesNetrc = false
                request.followsRedirects = method == "GET"
                return request
            }
            // Too many requests are a 403 there.
            guard answer.status == 403, attempt < 6, GoogleDriveStorage.reason(answer).contains("ateLimitExceeded")
            else {
                return answer
            }
            backoff.pause()
        }
        throw MLError(.io, "\(name) is asked too often")
    }

    private static func reason(_ answer: HTTPRequest.Answer) -> String {
        let error = (try? JSON(parsing: answer.body))?["error"]
        return error?["errors"]?.arrayValue?.first?["reason"]?.stringValue ?? error?["message"]?.stringValue ?? ""
    }

    /// A text in a query: backslashes and quotes are escaped.
    private static func quoted(_ text: String) -> String {
        text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    }

    private func require(_ answer: HTTPRequest.Answer, _ expected: [Int], _ verb: String, _ key: String) throws {
        if expected.contains(answer.status) { return }
        let reason = GoogleDriveStorage.reason(answer)
        let said = reason.isEmpty ? "" : ": \(reason)"
        switch answer.status {
        case 401, 403:
            throw MLError(
                .failed, "\(name) refuses to \(verb) '\(key)' (\(answer.status))\(said)",
                hint: "share the folder with the service account's address, as an editor")
        case 404: throw MLError(.notFound, "\(name) has no '\(key)'\(said)", hint: "is the folder shared with you?")
        default: throw MLError(.io, "\(name) answered \(answer.status) to: \(verb) '\(key)'\(said)")
        }
    }
}
