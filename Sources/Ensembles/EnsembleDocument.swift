import Base

/// An ensemble as a file: members by commit and path, with their weights (`Documentation/formats/ensemble.md`).
public struct EnsembleDocument: Hashable, Sendable {
    public static let version = 1
    public static let methods = ["average", "weighted", "vote", "stacking", "greedy"]

    public struct Member: Hashable, Sendable {
        /// What a member's path is.
        public enum Kind: String, Hashable, Sendable {
            /// A model's folder, an ensemble's or predictions' file.
            case file = "path"
            /// A command for the shell that answers texts.
            case command
            /// The address of a server.
            case endpoint
        }

        /// A full commit id; nil for a path in the work tree.
        public var commit: String?
        /// The model's folder, the ensemble's or predictions' file, the command, or the address.
        public var path: String
        public var weight: Double
        public var kind: Kind

        public init(commit: String?, path: String, weight: Double, kind: Kind = .file) {
            self.commit = commit
            self.path = path
            self.weight = weight
            self.kind = kind
        }
    }

    /// One of `methods`.
    public var method: String
    public var labels: [String]
    public var members: [Member]
    /// How the weights were found and what they came to.
    public var search: JSON
    /// The model on the members' answers; null for other methods than `stacking`.
    public var meta: JSON

    public init(method: String, labels: [String], members: [Member], search: JSON = .null, meta: JSON = .null) {
        self.method = method
        self.labels = labels
        self.members = members
        self.search = search
        self.meta = meta
    }

    /// - Throws: `MLError(.invalidInput)` naming the file and what is wrong.
    public init(parsing bytes: [UInt8], name: String) throws {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch {
            throw MLError(.invalidInput, "'\(name)' is no ensemble: \((error as? MLError)?.message ?? "\(error)")")
        }
        guard json["version"]?.intValue == EnsembleDocument.version, json["kind"]?.stringValue == "ensemble",
            let entries = json["members"]?.arrayValue
        else { throw MLError(.invalidInput, "'\(name)' is no ensemble of a known version") }
        method = json["method"]?.stringValue ?? "average"
        guard EnsembleDocument.methods.contains(method) else {
            throw MLError(
                .invalidInput, "'\(name)': there is no method '\(method)'",
                hint: "known: \(EnsembleDocument.methods.joined(separator: ", "))")
        }
        labels = json["labels"]?.arrayValue?.compactMap(\.stringValue) ?? []
        search = json["search"] ?? .null
        meta = json["meta"] ?? .null
        members = try entries.enumerated().map { number, entry in
            let kinds: [Member.Kind] = [.command, .endpoint, .file]
            guard let kind = kinds.first(where: { entry[$0.rawValue]?.stringValue != nil }),
                let path = entry[kind.rawValue]?.stringValue, let weight = entry["weight"]?.doubleValue, weight >= 0
            else { throw MLError(.invalidInput, "'\(name)': member \(number + 1) lacks its path or weight") }
            return Member(commit: entry["commit"]?.stringValue, path: path, weight: weight, kind: kind)
        }
        if members.isEmpty { throw MLError(.invalidInput, "'\(name)' has no members") }
    }

    /// How the members' answers become one.
    public func combination(classes: Int, name: String) throws -> Combination {
        let sum = members.reduce(0) { $0 + $1.weight }
        let weights = members.map { $0.weight / max(1e-300, sum) }
        switch method {
        case "vote": return .vote(weights)
        case "stacking":
            return .stacking(try Stacking(meta, inputs: members.count * classes, classes: classes, name: name))
        default: return .mean(weights)
        }
    }

    public var json: JSON {
        var out: JSONObject = [
            "version": JSON(EnsembleDocument.version), "kind": "ensemble", "method": .string(method),
            "labels": JSON(labels),
            "members": .array(
                members.map {
                    [
                        "commit": $0.commit.map { .string($0) } ?? .null,
                        $0.kind.rawValue: .string($0.path), "weight": JSON($0.weight),
                    ]
                }), "search": search,
        ]
        if meta != .null { out["meta"] = meta }
        return .object(out)
    }
}
