import Base

/// A `.dvc` file or the outputs in a `dvc.lock`.
public struct DVCFile: Sendable {
    /// From the top of the repository.
    public var path: String
    /// Outputs whose content DVC's cache has.
    public var outputs: [DVCOutput] = []
    /// The file says where data came from (`dvc import`, `import-url`).
    public var hasSource = false
    /// Outputs that stay as they are, and why.
    public var notices: [String] = []

    /// Reads a `.dvc` file.
    ///
    /// - Throws: `MLError(.invalidInput)`.
    public init(_ bytes: [UInt8], path: String) throws {
        self.path = path
        let root = try DVCDocument(bytes, name: path).root
        guard let outs = root["outs"]?.arrayValue else {
            throw MLError(.invalidInput, "'\(path)' has no 'outs': it is not a file of DVC's")
        }
        hasSource = !(root["deps"]?.arrayValue ?? []).isEmpty
        let folder = Files.parent(of: path)
        for out in outs { add(out, in: Files.join(folder == "." ? "" : folder, root["wdir"]?.stringValue ?? ".")) }
    }

    /// Reads the outputs of all stages in a `dvc.lock`.
    ///
    /// - Parameter pipeline: the `dvc.yaml` beside it, which says where each stage works.
    /// - Throws: `MLError(.invalidInput)`.
    public init(lock bytes: [UInt8], pipeline: [UInt8], path: String) throws {
        self.path = path
        let folder = Files.parent(of: path) == "." ? "" : Files.parent(of: path)
        let root = try DVCDocument(bytes, name: path).root
        let pipeline = try DVCDocument(pipeline, name: Files.join(folder, "dvc.yaml")).root
        // Before schema 2.0 the stages stood at the top.
        let stages = (root["stages"] ?? root).objectValue ?? [:]
        for (name, stage) in stages.pairs {
            let base = name.split(separator: "@").first.map(String.init) ?? name
            let definition = pipeline["stages"]?[name] ?? pipeline["stages"]?[base]
            let directory = (definition?["wdir"] ?? definition?["do"]?["wdir"])?.stringValue ?? "."
            if directory.contains("${") {
                notices.append("stage '\(name)': its folder '\(directory)' is a template; outputs left as they are")
                continue
            }
            for out in stage["outs"]?.arrayValue ?? [] { add(out, in: Files.join(folder, directory)) }
        }
    }

    private mutating func add(_ out: JSON, in folder: String) {
        let name = out["path"]?.stringValue ?? ""
        func leave(_ reason: String) { notices.append("'\(name)' of '\(path)' left as it is: \(reason)") }
        guard !name.isEmpty, !name.hasPrefix("/"), !name.contains("://"),
            let inside = DVCPath.normalise(Files.join(folder, name)), !inside.isEmpty
        else { return leave("it is outside of this repository") }
        if out["cache"]?.isFalse == true { return leave("Git has it (cache: false)") }
        if out["files"] != nil || out["cloud"] != nil { return leave("only a versioned cloud remote has it") }
        let isModern = out["hash"]?.stringValue == "md5"
        guard let text = out["md5"]?.stringValue, isModern || out["hash"] == nil else {
            return leave("it has no MD5")
        }
        let isFolder = text.hasSuffix(".dir")
        let md5 = isFolder ? String(text.dropLast(".dir".count)) : text
        guard DVCManifest.isMD5(md5) else { return leave("'\(text)' is not an MD5") }
        outputs.append(
            DVCOutput(
                path: inside, hash: DVCHash(md5: md5, isLegacy: !isModern), isFolder: isFolder,
                size: out["size"]?.stringValue.flatMap { Int64($0) }, isExecutable: out["isexec"]?.isTrue == true))
    }
}
