import Base

/// A pipeline file (`mlrun.yaml` or `dvc.yaml`, the same language), read and expanded.
public struct PipelineFile: Sendable {
    /// The file's path from the top of the repository.
    public var path: String
    /// Stages in the order of the file; `foreach` and `matrix` expanded in place.
    public var stages: [Stage]
    /// Param, metric and plot files declared for the whole project.
    public var params: [String]
    public var metrics: [String]
    public var plots: [PlotDefinition]
    /// Artifacts by name as written: path, desc, type, labels, meta.
    public var artifacts: JSONObject
    /// Params of files that templates used, so that `params diff` can show them.
    public var templateParams: [ParamSelection]
    /// What is odd but no error, each with its place.
    public var warnings: [String]

    /// The names a pipeline file can have, in the order they are looked for.
    public static let names = ["mlrun.yaml", "dvc.yaml"]
}

/// An entry of the top-level `plots`.
public struct PlotDefinition: Hashable, Sendable {
    /// A path, or any name when `y` names files.
    public var id: String
    /// `x`, `y`, labels, title, template as written.
    public var properties: JSONObject

    public init(id: String, properties: JSONObject) {
        self.id = id
        self.properties = properties
    }
}

extension PipelineFile {
    /// Reads a file.
    ///
    /// - Parameters:
    ///   - bytes: the file's content.
    ///   - path: its path from the top of the repository; paths in the file start at its folder.
    ///   - options: how mappings are unpacked in `cmd`.
    ///   - read: the content of another file of the same tree (params for templates); nil when there is none.
    /// - Throws: `MLError(.invalidInput)` beginning with `path:line:column:`.
    public init(
        parsing bytes: [UInt8], path: String, options: TemplateOptions = TemplateOptions(),
        read: (String) throws -> [UInt8]?
    ) throws {
        let document = try YAMLDocument(bytes, name: path)
        var parser = PipelineParser(document: document, options: options)
        self = try parser.parse(read: read)
    }
}
