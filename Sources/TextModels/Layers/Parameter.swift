import Base
import Glibc
import Tensors

/// A learned matrix with the name it has in the weights file.
public struct Parameter: Sendable {
    public let name: String
    public var value: Matrix

    public init(_ name: String, _ value: Matrix) {
        self.name = name
        self.value = value
    }

    /// Uniform values that keep the variance from layer to layer (Glorot & Bengio 2010, equation 16).
    static func glorot(_ name: String, _ rows: Int, _ columns: Int, seed: UInt64) -> Parameter {
        uniform(name, rows, columns, bound: Float(sqrt(6 / Double(rows + columns))), seed: seed)
    }

    static func uniform(_ name: String, _ rows: Int, _ columns: Int, bound: Float, seed: UInt64) -> Parameter {
        var random = SeededRandom(seed: seed, purpose: "init." + name)
        var value = Matrix(rows, columns)
        for index in value.values.indices { value.values[index] = Float(random.uniform() * 2 - 1) * bound }
        return Parameter(name, value)
    }

    static func zeros(_ name: String, _ rows: Int, _ columns: Int) -> Parameter {
        Parameter(name, Matrix(rows, columns))
    }
}

/// Gradients of one part of a batch: dense ones by the parameter's name, those of embeddings by row.
public struct Gradients: Sendable {
    public var dense: [String: Matrix] = [:]
    /// Row numbers of the embedding and, row by row, their gradients.
    public var rows: (ids: [Int32], values: Matrix)?

    /// False where only the way back to the input matters: products for weights are then not made.
    private let wantsWeights: Bool

    public init(wantsWeights: Bool = true) { self.wantsWeights = wantsWeights }

    mutating func add(_ name: String, _ product: @autoclosure () -> Matrix) {
        guard wantsWeights else { return }
        let gradient = product()
        if dense[name] == nil { dense[name] = gradient } else { dense[name]?.add(gradient) }
    }
}
