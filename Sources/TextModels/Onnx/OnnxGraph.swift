import Base
import Tensors

/// A graph of ONNX operators that grows node by node, and its file (onnx.ai, `onnx.proto`; operator set 17).
struct OnnxGraph {
    /// The result of a node, by name.
    typealias Value = String

    enum Attribute {
        case integer(Int)
        case float(Float)
        case text(String)
        case integers([Int])
        case floats([Float])
        case texts([String])
    }

    enum Kind: Int {
        case float = 1
        case integer = 7
        case text = 8
    }

    private static let operatorSet = 17
    /// The first version of the format that has this set.
    private static let formatVersion = 8

    private var nodes: [[UInt8]] = []
    private var tensors: [[UInt8]] = []
    private var inputs: [[UInt8]] = []
    private var outputs: [[UInt8]] = []
    private var names = 0

    /// Appends a node and names its result; what it leaves empty is an input that is not given.
    mutating func add(_ kind: String, _ inputs: [Value], _ attributes: [(String, Attribute)] = []) -> Value {
        names += 1
        let name = "\(kind.lowercased())_\(names)"
        add(kind, inputs, to: name, attributes)
        return name
    }

    /// Appends a node whose result has a given name.
    mutating func add(_ kind: String, _ inputs: [Value], to name: Value, _ attributes: [(String, Attribute)] = []) {
        var node = ProtobufWriter()
        for input in inputs { node.text(1, input) }
        node.text(2, name)
        node.text(3, name)
        node.text(4, kind)
        for (key, value) in attributes {
            node.message(5) { attribute in
                attribute.text(1, key)
                switch value {
                case .float(let value):
                    attribute.float(2, value)
                    attribute.integer(20, 1)
                case .integer(let value):
                    attribute.integer(3, value)
                    attribute.integer(20, 2)
                case .text(let value):
                    attribute.text(4, value)
                    attribute.integer(20, 3)
                case .floats(let values):
                    for value in values { attribute.float(7, value) }
                    attribute.integer(20, 6)
                case .integers(let values):
                    for value in values { attribute.integer(8, value) }
                    attribute.integer(20, 7)
                case .texts(let values):
                    for value in values { attribute.text(9, value) }
                    attribute.integer(20, 8)
                }
            }
        }
        nodes.append(node.bytes)
    }

    /// A tensor of 32-bit floats.
    mutating func constant(_ values: [Float], _ shape: [Int]) -> Value {
        tensor(shape, kind: 1, values.flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian) { Array($0) } })
    }

    mutating func constant(_ matrix: Matrix) -> Value { constant(matrix.values, [matrix.rows, matrix.columns]) }

    mutating func constant(_ value: Float) -> Value { constant([value], []) }

    mutating func integers(_ values: [Int], scalar: Bool = false) -> Value {
        tensor(
            scalar ? [] : [values.count], kind: 7,
            values.flatMap { withUnsafeBytes(of: Int64($0).littleEndian) { Array($0) } })
    }

    private mutating func tensor(_ shape: [Int], kind: Int, _ data: [UInt8]) -> Value {
        names += 1
        let name = "constant_\(names)"
        var tensor = ProtobufWriter()
        for size in shape { tensor.integer(1, size) }
        tensor.integer(2, kind)
        tensor.text(8, name)
        tensor.data(9, data)
        tensors.append(tensor.bytes)
        return name
    }

    /// - Parameter shape: sizes, or names of sizes that differ from run to run.
    mutating func input(_ name: Value, _ kind: Kind, _ shape: [String], about: String) {
        inputs.append(OnnxGraph.value(name, kind, shape, about))
    }

    mutating func output(_ name: Value, _ kind: Kind, _ shape: [String], about: String) {
        outputs.append(OnnxGraph.value(name, kind, shape, about))
    }

    private static func value(_ name: Value, _ kind: Kind, _ shape: [String], _ about: String) -> [UInt8] {
        var value = ProtobufWriter()
        value.text(1, name)
        value.message(2) { type in
            type.message(1) { tensor in
                tensor.integer(1, kind.rawValue)
                tensor.message(2) { dimensions in
                    for size in shape {
                        dimensions.message(1) { dimension in
                            if let number = Int(size) { dimension.integer(1, number) } else { dimension.text(2, size) }
                        }
                    }
                }
            }
        }
        value.text(3, about)
        return value.bytes
    }

    /// The whole file.
    ///
    /// - Parameter properties: kept beside the graph, for programs that read it.
    func file(name: String, producer: String, properties: [(String, String)]) -> [UInt8] {
        var model = ProtobufWriter()
        model.integer(1, OnnxGraph.formatVersion)
        model.text(2, producer)
        model.message(7) { graph in
            for node in nodes { graph.data(1, node) }
            graph.text(2, name)
            for tensor in tensors { graph.data(5, tensor) }
            for input in inputs { graph.data(11, input) }
            for output in outputs { graph.data(12, output) }
        }
        model.message(8) { set in
            set.text(1, "")
            set.integer(2, OnnxGraph.operatorSet)
        }
        for (key, value) in properties {
            model.message(14) { entry in
                entry.text(1, key)
                entry.text(2, value)
            }
        }
        return model.bytes
    }
}
