import Base

/// An ensemble as a file: members by commit and path, with their weights (`Documentation/formats/ensemble.md`).
public struct EnsembleDocument: Hashable, Sendable {
    public static let version = 1

    public struct Member: Hashable, Sendable {
        /// A full commit id; nil for a path in the work tree.
        public var commit: String?
        /// The model's folder.
        public var path: String
        public var weight: Double

        public init(commit: String?, path: String, weight: Double) {
            self.commit = commit
            self.path = path
            self.weight = weight
        }
    }

    /// `average` or `weighted`.
    public var method: String
    public var labels: [String]
    public var members: [Member]
    /// How the weights were found and what they came to.
    public var search: JSON

    public init(method: String, labels: [String], members: [Member], search: JSON = .null) {
        self.method = method
        self.labels = labels
        self.members = members
        self.search = search
    }

    public init(parsing bytes: [UInt8], name: String) throws {
        let json = try JSON(parsing: bytes)
        guard json["version"]?.intValue == EnsembleDocument.version, json["kind"]?.stringValue == "ensemble",
            let entries = json["members"]?.arrayValue
        else { throw MLError(.invalidInput, "'\(name)' is no ensemble of a known version") }
        method = json["method"]?.stringValue ?? "average"
        labels = json["labels"]?.arrayValue?.compactMap(\.stringValue) ?? []
        search = json["search"] ?? .null
        members = try entries.map { entry in
            guard let path = entry["path"]?.stringValue, let weight = entry["weight"]?.doubleValue else {
                throw MLError(.invalidInput, "'\(name)': a member lacks its path or weight")
            }
            return Member(commit: entry["commit"]?.stringValue, path: path, weight: weight)
        }
    }

    public var json: JSON {
        [
            "version": JSON(EnsembleDocument.version), "kind": "ensemble", "method": .string(method),
            "labels": JSON(labels),
            "members": .array(
                members.map {
                    [
                        "commit": $0.commit.map { .string($0) } ?? .null, "path": .string($0.path),
                        "weight": JSON($0.weight),
                    ]
                }), "search": search,
        ]
    }
}
