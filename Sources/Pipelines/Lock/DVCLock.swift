import Base

/// A `dvc.lock` (schema 2.0): what DVC noted of the last run of each stage.
public struct DVCLock: Hashable, Sendable {
    /// A dependency or an output.
    public struct File: Hashable, Sendable {
        /// As written: relative to the stage's working directory.
        public var path: String
        /// 32 hex digits, a folder's with `.dir`; nil for what DVC tells by other means (a cloud's version).
        public var md5: String?
        /// Without `hash: md5`, as DVC 2 wrote it: line ends of text files count as LF.
        public var isLegacy: Bool
        public var size: Int64?
        public var count: Int?
        public var isExecutable: Bool
    }

    /// One stage.
    public struct Entry: Hashable, Sendable {
        /// A text or a list of texts, as in the pipeline file with its templates filled in.
        public var command: JSON?
        public var dependencies: [File] = []
        /// `{file: {key: value}}`, files as written.
        public var params: JSONObject = [:]
        public var outputs: [File] = []
    }

    /// By name, in the order of the file.
    public var stages: [(name: String, entry: Entry)]
    /// The top-level `datasets`, kept as it is.
    public var datasets: JSON?

    public init() { stages = [] }

    public static func == (a: DVCLock, b: DVCLock) -> Bool {
        a.datasets == b.datasets && a.stages.map(\.name) == b.stages.map(\.name)
            && a.stages.map(\.entry) == b.stages.map(\.entry)
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(stages.map(\.name)) }

    /// Reads a file.
    ///
    /// - Throws: `MLError(.invalidInput)` that begins with `path:line:column:`.
    public init(parsing bytes: [UInt8], path: String) throws {
        let document = try YAMLDocument(bytes, name: path)
        stages = []
        guard let root = document.root, !root.isNull else { return }
        guard root.entries != nil else { throw document.error(root, "a dvc.lock must be a mapping") }
        datasets = root["datasets"]?.json
        // Before schema 2.0 the stages stood at the top.
        let list = root["schema"] == nil ? root : root["stages"]
        for (key, value) in list?.entries ?? [] {
            guard value.entries != nil else {
                throw document.error(value, "'stages.\(key.keyText ?? "")' must be a mapping")
            }
            let json = value.json
            stages.append(
                (
                    key.keyText ?? "",
                    Entry(
                        command: json["cmd"], dependencies: DVCLock.files(json["deps"]),
                        params: json["params"]?.objectValue ?? [:], outputs: DVCLock.files(json["outs"]))
                ))
        }
    }

    private static func files(_ list: JSON?) -> [File] {
        (list?.arrayValue ?? []).compactMap { item in
            guard let path = item["path"]?.stringValue else { return nil }
            return File(
                path: path, md5: item["md5"]?.stringValue, isLegacy: item["hash"]?.stringValue != "md5",
                size: item["size"]?.intValue.map { Int64($0) }, count: item["nfiles"]?.intValue,
                isExecutable: item["isexec"]?.boolValue ?? false)
        }
    }

    public subscript(name: String) -> Entry? {
        get { stages.first { $0.name == name }?.entry }
        set {
            let place = stages.firstIndex { $0.name == name }
            switch (place, newValue) {
            case (let place?, let entry?): stages[place].entry = entry
            case (let place?, nil): stages.remove(at: place)
            case (nil, let entry?): stages.append((name, entry))
            case (nil, nil): break
            }
        }
    }

    /// The file's text, laid out as DVC does.
    public var text: String {
        func list(_ files: [File]) -> JSON {
            .array(
                files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }.map { file in
                    var object: JSONObject = ["path": .string(file.path)]
                    if !file.isLegacy { object["hash"] = "md5" }
                    if let md5 = file.md5 { object["md5"] = .string(md5) }
                    if let size = file.size { object["size"] = .integer(size) }
                    if let count = file.count { object["nfiles"] = JSON(count) }
                    if file.isExecutable { object["isexec"] = true }
                    return .object(object)
                })
        }
        var result = JSONObject()
        for (name, entry) in stages {
            var object: JSONObject = ["cmd": entry.command ?? .null]
            if !entry.dependencies.isEmpty { object["deps"] = list(entry.dependencies) }
            if !entry.params.isEmpty { object["params"] = .object(entry.params) }
            if !entry.outputs.isEmpty { object["outs"] = list(entry.outputs) }
            result[name] = .object(object)
        }
        var whole: JSONObject = ["schema": "2.0"]
        if let datasets { whole["datasets"] = datasets }
        whole["stages"] = .object(result)
        return YAMLBlock.write(.object(whole))
    }
}
