import Base
import Pipelines

/// One plot that a project declares, or a file that is asked for.
public struct PlotSource: Hashable, Sendable {
    /// A column of a file, with where its abscissa is.
    public struct Column: Hashable, Sendable {
        public var file: String
        /// nil for the last column.
        public var field: String?
        /// nil for the file of the column.
        public var xFile: String?
        /// nil for the number of the row.
        public var xField: String?

        public init(file: String, field: String? = nil, xFile: String? = nil, xField: String? = nil) {
            self.file = file
            self.field = field
            self.xFile = xFile
            self.xField = xField
        }
    }

    /// The file, or the name the plot was given.
    public var id: String
    public var columns: [Column]
    /// `linear` when nothing is written.
    public var template: String?
    public var title: String?
    public var xLabel: String?
    public var yLabel: String?
    public var hasHeader = true

    /// A file as it is.
    public init(file: String) {
        id = file
        columns = [Column(file: file)]
    }

    /// An output's or a definition's properties: `x`, `y`, `template`, `title`, `x_label`, `y_label`, `header`.
    public init(id: String, properties: JSONObject) {
        self.id = id
        template = properties["template"]?.stringValue
        title = properties["title"]?.stringValue
        xLabel = properties["x_label"]?.stringValue
        yLabel = properties["y_label"]?.stringValue
        hasHeader = properties["header"]?.boolValue ?? true
        var xFile: String?
        var xField: String?
        if let pair = properties["x"]?.objectValue?.pairs.first {
            (xFile, xField) = (pair.key, pair.value.stringValue)
        } else {
            xField = properties["x"]?.stringValue
        }
        columns = PlotSource.ordinates(properties["y"], id: id).map { file, field in
            Column(file: file, field: field, xFile: xFile, xField: xField)
        }
    }

    private static func ordinates(_ value: JSON?, id: String) -> [(String, String?)] {
        switch value {
        case .string(let field)?: return [(id, field)]
        case .array(let fields)?: return fields.compactMap(\.stringValue).map { (id, $0) }
        case .object(let files)?:
            return files.pairs.flatMap { file, fields -> [(String, String?)] in
                if let list = fields.arrayValue { return list.compactMap(\.stringValue).map { (file, $0) } }
                return [(file, fields.stringValue)]
            }
        default: return [(id, nil)]
        }
    }

    /// What a project declares: outputs of stages marked as plots, then the top-level definitions, each once. A definition
    /// that adds properties to an output takes its place.
    public static func all(of project: Project) -> [PlotSource] {
        var result: [PlotSource] = []
        func add(_ source: PlotSource, replacing: Bool) {
            if let index = result.firstIndex(where: { $0.id == source.id }) {
                if replacing { result[index] = source }
            } else {
                result.append(source)
            }
        }
        for output in project.stages.flatMap(\.outputs) where output.kind == .plot {
            add(PlotSource(id: output.path, properties: output.properties), replacing: false)
        }
        for definition in project.files.flatMap(\.plots) {
            add(PlotSource(id: definition.id, properties: definition.properties), replacing: true)
        }
        return result
    }

    /// Files the plot is drawn from.
    public var files: [String] {
        var seen: Set<String> = []
        return columns.flatMap { [$0.file] + ($0.xFile.map { [$0] } ?? []) }.filter { seen.insert($0).inserted }
    }
}
