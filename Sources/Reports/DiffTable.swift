import Base

/// What changed in parameters or metrics between two revisions, as DVC's `params diff` and `metrics diff` print it.
public struct DiffTable: Sendable {
    /// What is compared: names the second column, and metrics have a Change column.
    public enum Kind: String, Sendable {
        case params = "Param"
        case metrics = "Metric"
    }

    public var kind: Kind
    /// `{file: {key: {old, new, diff}}}`: DVC's document; the order of files and keys is kept.
    public var diff: JSON
    /// Titles of the two value columns: the revisions as the user gave them.
    public var old: String
    public var new: String
    /// Leaves the Path column out.
    public var showsPath: Bool
    /// Decimals that numbers are rounded to; the JSON of the table keeps full precision.
    public var precision: Int

    public init(
        _ kind: Kind, diff: JSON, old: String = "HEAD", new: String = "workspace", showsPath: Bool = true,
        precision: Int = 5
    ) {
        self.kind = kind
        self.diff = diff
        self.old = old
        self.new = new
        self.showsPath = showsPath
        self.precision = precision
    }

    /// Nothing to show: no file has an entry.
    public var isEmpty: Bool {
        diff.objectValue?.pairs.allSatisfy { $0.value.objectValue?.isEmpty ?? false } ?? false
    }

    /// The rows: Path, Param or Metric, both values and, for metrics, Change; what is missing is `-`.
    ///
    /// - Throws: `invalidInput` when the document is not of DVC's shape.
    public func table() throws -> Table {
        var columns = [Table.Column(kind.rawValue), Table.Column(old), Table.Column(new)]
        if showsPath { columns.insert(Table.Column("Path"), at: 0) }
        if kind == .metrics { columns.append(Table.Column("Change")) }
        var table = Table(columns: columns)
        for (path, changes) in try object(diff, what: "the document").pairs {
            for (key, change) in try object(changes, what: path).pairs {
                let change = try object(change, what: "\(path):\(key)")
                var row = [Table.Cell(key), cell(change["old"]), cell(change["new"])]
                if showsPath { row.insert(Table.Cell(path), at: 0) }
                if kind == .metrics { row.append(cell(change["diff"])) }
                table.rows.append(row)
            }
        }
        return table
    }

    /// The table for a terminal; empty without changes, so that nothing is printed as DVC does.
    public func terminal(width: Int? = nil, colour: ColourDepth = .none) throws -> String {
        isEmpty ? "" : try table().terminal(width: width, colour: colour)
    }

    /// The table as Markdown: with its head even when nothing changed, as it is pasted into reports by scripts.
    public func markdown() throws -> String { try table().markdown() }

    private func cell(_ value: JSON?) -> Table.Cell {
        guard let value, value != .null else { return Table.Cell("-", value: .null) }
        let text =
            switch value {
            case .number(let number): Quantity.number(number, precision: precision)
            case .string(let string): string
            case .array(let items): "[" + items.map(listed).joined(separator: ", ") + "]"
            default: value.compact()
            }
        return Table.Cell(text, value: value)
    }

    private func listed(_ value: JSON) -> String {
        if case .number(let number) = value { return Quantity.number(number, precision: precision) }
        return value.compact()
    }

    private func object(_ value: JSON, what: String) throws -> JSONObject {
        guard let object = value.objectValue else {
            throw MLError(.invalidInput, "not a diff of params or metrics: '\(what)' is no object")
        }
        return object
    }
}
