import Tensors

/// Vectors of words in context from vectors of words.
public protocol EncodeLayer: Sendable {
    var parameters: [Parameter] { get set }
    /// Columns of the output.
    var outputWidth: Int { get }
    /// The encoded sequences, and the way back: from gradients of the output to those of the input.
    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix)
}

/// One vector a sequence, or a group of sequences.
public protocol AttendLayer: Sendable {
    var parameters: [Parameter] { get set }
    /// How a text is cut into sequences for this layer.
    var grouping: Grouping { get }
    /// Columns of the output, for so many of the input.
    func outputWidth(_ input: Int) -> Int
    /// One row a sequence (or a group), and the way back to the rows of the sequences. An empty sequence has a zero
    /// vector.
    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix)
}

extension AttendLayer {
    public var grouping: Grouping { .texts }
    public func outputWidth(_ input: Int) -> Int { input }
}

/// What a sequence is.
public enum Grouping: Sendable {
    /// A whole text.
    case texts
    /// A sentence; a text is a group of them.
    case sentences
    /// One of the two texts of a pair.
    case pairs
}
