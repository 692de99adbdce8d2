import Tensors

/// Vectors of words in context from vectors of words.
public protocol EncodeLayer: Sendable {
    var parameters: [Parameter] { get set }
    /// Columns of the output.
    var outputWidth: Int { get }
    /// The encoded sequences, and the way back: from gradients of the output to those of the input.
    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix)
}

/// One vector a sequence.
public protocol AttendLayer: Sendable {
    var parameters: [Parameter] { get set }
    /// One row a sequence, and the way back to the rows of the sequences. An empty sequence has a zero vector.
    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix)
}
