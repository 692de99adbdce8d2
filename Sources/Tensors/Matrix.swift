/// A dense matrix of 32-bit floats, row after row.
public struct Matrix: Hashable, Sendable {
    public let rows: Int
    public let columns: Int
    /// `rows * columns` values; element (r, c) is at `r * columns + c`.
    public var values: [Float]

    public init(rows: Int, columns: Int, values: [Float]) {
        precondition(values.count == rows * columns, "\(values.count) values for \(rows) x \(columns)")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    /// All elements the same.
    public init(_ rows: Int, _ columns: Int, repeating value: Float = 0) {
        self.init(rows: rows, columns: columns, values: [Float](repeating: value, count: rows * columns))
    }

    public subscript(row: Int, column: Int) -> Float {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    public var isEmpty: Bool { values.isEmpty }

    /// Adds another matrix of the same shape.
    public mutating func add(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "shapes differ")
        values.withUnsafeMutableBufferPointer { a in
            other.values.withUnsafeBufferPointer { b in
                for index in a.indices { a[index] += b[index] }
            }
        }
    }

    /// Multiplies every element.
    public mutating func scale(by factor: Float) {
        values.withUnsafeMutableBufferPointer { a in for index in a.indices { a[index] *= factor } }
    }
}

/// Sequences of different lengths in one matrix: rows one after the other, no padding.
public struct Ragged: Sendable {
    public var matrix: Matrix
    /// Sequence i has rows `offsets[i] ..< offsets[i + 1]`.
    public var offsets: [Int]
    /// Which sequences belong together, as sentences of a text or two texts of a pair: group g holds the sequences
    /// `groups[g] ..< groups[g + 1]`. Nil: each sequence stands alone.
    public var groups: [Int]?

    public init(_ matrix: Matrix, offsets: [Int], groups: [Int]? = nil) {
        precondition(offsets.first == 0 && offsets.last == matrix.rows, "offsets do not cover the rows")
        precondition(groups.map { $0.first == 0 && $0.last == offsets.count - 1 } ?? true, "groups do not cover all")
        self.matrix = matrix
        self.offsets = offsets
        self.groups = groups
    }

    /// The same sequences with other vectors.
    public func with(_ matrix: Matrix) -> Ragged { Ragged(matrix, offsets: offsets, groups: groups) }

    public var count: Int { offsets.count - 1 }
    public func range(_ sequence: Int) -> Range<Int> { offsets[sequence]..<offsets[sequence + 1] }
}
