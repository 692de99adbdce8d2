import Base
import ObjectStore

/// What a transfer is for; the word the protocol uses.
public enum LFSOperation: String, Sendable {
    case upload, download
}

/// The bodies of the batch API (git-lfs: docs/api/batch.md).
enum LFSMessages {
    static let mediaType = "application/vnd.git-lfs+json"

    /// What a request asks for.
    static func request(_ operation: LFSOperation, _ files: [Pointer], ref: String?) -> JSON {
        var body: JSONObject = [
            "operation": .string(operation.rawValue), "transfers": ["basic"],
            "objects": .array(files.map { ["oid": .string($0.oid.hex), "size": .integer($0.size)] }),
            "hash_algo": "sha256",
        ]
        if let ref { body["ref"] = ["name": .string(ref)] }
        return .object(body)
    }

    /// Objects of an answer, by id; what nobody asked for is left out.
    ///
    /// - Throws: `MLError(.invalidInput)` for an answer this program cannot follow.
    static func objects(_ answer: JSON, asked files: [Pointer], server: String) throws -> [ObjectID: LFSObject] {
        if let transfer = answer["transfer"]?.stringValue, transfer != "basic" {
            throw MLError(.invalidInput, "\(server) insists on the transfer '\(transfer)', which is not known here")
        }
        if let algorithm = answer["hash_algo"]?.stringValue, algorithm != "sha256" {
            throw MLError(.invalidInput, "\(server) names objects by '\(algorithm)', not by sha256")
        }
        guard let list = answer["objects"]?.arrayValue else {
            throw MLError(
                .invalidInput, "the answer of \(server) is none of the Git LFS batch API",
                hint: "is the address right? it usually ends in '/info/lfs'")
        }
        let asked = Set(files.map(\.oid))
        var found: [ObjectID: LFSObject] = [:]
        for item in list {
            guard let oid = (item["oid"]?.stringValue).flatMap({ ObjectID(hex: $0) }), asked.contains(oid) else {
                continue
            }
            found[oid] = LFSObject(item)
        }
        return found
    }
}

/// What a server says about one object.
struct LFSObject: Sendable {
    /// Whether requests for its actions are complete as they are: no further credentials.
    var isAuthenticated = false
    var actions: [String: LFSAction] = [:]
    var error: (code: Int, message: String)?

    /// What a server says of an object it does not have.
    static let missing = LFSObject(["error": ["code": 404, "message": "no such object"]])

    init(_ json: JSON) {
        isAuthenticated = json["authenticated"]?.boolValue == true
        for (name, action) in json["actions"]?.objectValue?.pairs ?? [] { actions[name] = LFSAction(action) }
        if let failure = json["error"], failure != .null {
            error = (failure["code"]?.intValue ?? 0, failure["message"]?.stringValue ?? "no reason given")
        }
    }
}

/// A request the server prepared.
struct LFSAction: Sendable {
    var href: String
    var headers: [String]
    /// When it ends, on the clock of `monotonicSeconds`; nil when it does not.
    var expires: Double?

    init?(_ json: JSON) {
        guard let href = json["href"]?.stringValue, href.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            return nil
        }
        self.href = href
        headers = LFSAction.headers(json["header"])
        expires = LFSAction.expiry(json)
    }

    /// Whether there is no time left to begin it.
    var isExpired: Bool { expires.map { $0 < monotonicSeconds() + 5 } ?? false }

    var hasAuthorization: Bool { headers.contains { $0.lowercased().hasPrefix("authorization:") } }

    /// Header lines; nothing in them can begin another line.
    static func headers(_ json: JSON?) -> [String] {
        (json?.objectValue?.pairs ?? []).compactMap { name, value in
            guard let value = value.stringValue, (name + value).utf8.allSatisfy({ $0 >= 0x20 }) else { return nil }
            return "\(name): \(value)"
        }
    }

    /// `expires_in` counts from now; `expires_at` is a date, for servers whose clock is ours.
    static func expiry(_ json: JSON) -> Double? {
        if let seconds = json["expires_in"]?.doubleValue, seconds != 0 { return monotonicSeconds() + seconds }
        guard let moment = (json["expires_at"]?.stringValue).flatMap(seconds) else { return nil }
        return monotonicSeconds() + Double(moment - Timestamp.now().seconds)
    }

    /// Seconds since 1970 of any RFC 3339 date: servers write fractions and offsets that our own records never have.
    private static func seconds(_ text: String) -> Int64? {
        guard let moment = Timestamp(rfc3339: text.prefix(19) + "Z") else { return nil }
        let zone = text.dropFirst(19).drop { $0 == "." || $0.isNumber }
        let digits = zone.dropFirst().split(separator: ":").compactMap { Int64($0) }
        guard digits.count == 2, let sign = zone.first, sign == "+" || sign == "-" else { return moment.seconds }
        return moment.seconds - (sign == "+" ? 1 : -1) * (digits[0] * 3600 + digits[1] * 60)
    }
}
