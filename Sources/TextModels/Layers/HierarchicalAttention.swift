import Tensors

/// Words weighed within sentences, sentences encoded among each other and weighed within the text (Yang et al. 2016,
/// "Hierarchical attention networks", section 2). The sequences are sentences; a group is a text.
struct HierarchicalAttention: AttendLayer {
    private var words: ContextAttention
    private var sentences: BidirectionalGRU
    private var text: ContextAttention

    init(inputWidth: Int, width: Int, seed: UInt64) {
        words = ContextAttention(inputWidth: inputWidth, width: width, seed: seed)
        sentences = BidirectionalGRU(inputWidth: inputWidth, width: width, seed: seed)
        text = ContextAttention(inputWidth: 2 * width, width: width, seed: seed)
    }

    func outputWidth(_ input: Int) -> Int { sentences.outputWidth }
    var grouping: Grouping { .sentences }

    /// The parts' own names, under which their gradients come back, and ours.
    private static func rename(_ part: String, _ name: String) -> String {
        "attend.\(part)." + name.split(separator: ".").dropFirst().joined(separator: ".")
    }

    var parameters: [Parameter] {
        get {
            words.parameters.map { Parameter(Self.rename("words", $0.name), $0.value) }
                + sentences.parameters.map { Parameter(Self.rename("sentences", $0.name), $0.value) }
                + text.parameters.map { Parameter(Self.rename("text", $0.name), $0.value) }
        }
        set {
            var rest = newValue[...]
            func fill(_ own: [Parameter]) -> [Parameter] {
                defer { rest = rest.dropFirst(own.count) }
                return zip(own, rest).map { Parameter($0.name, $1.value) }
            }
            words.parameters = fill(words.parameters)
            sentences.parameters = fill(sentences.parameters)
            text.parameters = fill(text.parameters)
        }
    }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (vectors, wordsBack) = words.forward(x)
        let groups = x.groups ?? Array(0...x.count)
        let (encoded, sentencesBack) = sentences.forward(Ragged(vectors, offsets: groups))
        let (output, textBack) = text.forward(encoded)
        return (
            output,
            { gradient, gradients in
                func step(
                    _ part: String, _ back: (Matrix, inout Gradients) -> Matrix, _ gradient: Matrix,
                    _ all: inout Gradients
                ) -> Matrix {
                    var own = Gradients()
                    let result = back(gradient, &own)
                    for (name, value) in own.dense { all.add(Self.rename(part, name), value) }
                    return result
                }
                let first = step("text", textBack, gradient, &gradients)
                return step("words", wordsBack, step("sentences", sentencesBack, first, &gradients), &gradients)
            }
        )
    }
}
