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

    public init(_ matrix: Matrix, offsets: [Int]) {
        precondition(offsets.first == 0 && offsets.last == matrix.rows, "offsets do not cover the rows")
        self.matrix = matrix
        self.offsets = offsets
    }

    public var count: Int { offsets.count - 1 }
    public func range(_ sequence: Int) -> Range<Int> { offsets[sequence]..<offsets[sequence + 1] }
}
