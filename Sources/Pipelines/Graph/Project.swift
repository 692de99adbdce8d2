import Base

/// All pipeline files of a work tree or commit together.
public struct Project: Sendable {
    public let files: [PipelineFile]
    public let graph: StageGraph

    /// Joins files.
    ///
    /// - Throws: `MLError(.invalidInput)` for what `StageGraph` refuses.
    public init(_ files: [PipelineFile]) throws {
        self.files = files
        graph = try StageGraph(files.flatMap(\.stages))
    }

    /// Reads the pipeline files at `paths`, in that order.
    ///
    /// - Throws: `MLError(.notFound)` when one of them is not there.
    public init(
        paths: [String], options: TemplateOptions = TemplateOptions(), content: any ContentSource
    ) throws {
        try self.init(
            paths.map { path in
                guard let bytes = try content.read(path) else {
                    throw MLError(.notFound, "the pipeline file '\(path)' does not exist")
                }
                return try PipelineFile(parsing: bytes, path: path, options: options) { try content.read($0) }
            })
    }

    public var stages: [Stage] { graph.stages }
    public var warnings: [String] { files.flatMap(\.warnings) }
}
