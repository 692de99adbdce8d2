import Tensors

/// Two texts aligned word by word (Parikh et al. 2016, "A decomposable attention model", equations 1 to 5): each word is
/// compared with the mixture of the other text's words that are like it; the comparisons are summed, and the sums of both
/// texts stand side by side. Sequences come in pairs; a group is a pair.
struct AlignmentAttention: AttendLayer {
    private var attend: Dense
    private var compare: Dense
    private let width: Int

    init(inputWidth: Int, width: Int, seed: UInt64) {
        self.width = width
        attend = Dense("attend.align", inputWidth, width, seed: seed)
        compare = Dense("attend.compare", 2 * inputWidth, width, seed: seed)
    }

    func outputWidth(_ input: Int) -> Int { 2 * width }
    var grouping: Grouping { .pairs }

    var parameters: [Parameter] {
        get { attend.parameters + compare.parameters }
        set {
            attend.parameters = Array(newValue[0..<2])
            compare.parameters = Array(newValue[2..<4])
        }
    }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let groups = x.groups ?? Array(0...x.count)
        let columns = x.matrix.columns
        var (hidden, attendBack) = attend.forward(x.matrix)
        Kernels.rectify(&hidden)
        let states = hidden
        // For each word the other text's words, mixed by likeness.
        var mixed = Matrix(x.matrix.rows, columns)
        var alignments: [(own: Range<Int>, other: Range<Int>, alpha: Matrix)] = []
        for group in 0..<groups.count - 1 where groups[group + 1] - groups[group] == 2 {
            let (first, second) = (x.range(groups[group]), x.range(groups[group] + 1))
            for (own, other) in [(first, second), (second, first)] where !own.isEmpty && !other.isEmpty {
                var alpha = MatrixProduct.of(
                    Block.cut(states, own, 0..<width), Block.cut(states, other, 0..<width), secondTransposed: true)
                Kernels.softmaxRows(&alpha)
                Block.paste(
                    MatrixProduct.of(alpha, Block.cut(x.matrix, other, 0..<columns)), into: &mixed, own, 0..<columns)
                alignments.append((own, other, alpha))
            }
        }
        var (compared, compareBack) = compare.forward(Columns.joined([x.matrix, mixed]))
        Kernels.rectify(&compared)
        let results = compared
        var output = Matrix(groups.count - 1, 2 * width)
        for group in 0..<groups.count - 1 {
            for (side, sequence) in (groups[group]..<groups[group + 1]).prefix(2).enumerated() {
                for row in x.range(sequence) {
                    for column in 0..<width { output[group, side * width + column] += results[row, column] }
                }
            }
        }
        let (width, kept) = (width, alignments)
        return (
            output,
            { gradient, gradients in
                var dCompared = Matrix(x.matrix.rows, width)
                for group in 0..<groups.count - 1 {
                    for (side, sequence) in (groups[group]..<groups[group + 1]).prefix(2).enumerated() {
                        for row in x.range(sequence) {
                            for column in 0..<width { dCompared[row, column] = gradient[group, side * width + column] }
                        }
                    }
                }
                Kernels.rectifyBackward(&dCompared, output: results)
                let both = compareBack(dCompared, &gradients)
                var result = Columns.slice(both, 0..<columns)
                let dMixed = Columns.slice(both, columns..<2 * columns)
                var dStates = Matrix(x.matrix.rows, width)
                func add(_ part: Matrix, to matrix: inout Matrix, _ rows: Range<Int>) {
                    var sum = Block.cut(matrix, rows, 0..<matrix.columns)
                    sum.add(part)
                    Block.paste(sum, into: &matrix, rows, 0..<matrix.columns)
                }
                for (own, other, alpha) in kept {
                    let slope = Block.cut(dMixed, own, 0..<columns)
                    add(MatrixProduct.of(alpha, transposed: true, slope), to: &result, other)
                    var scores = MatrixProduct.of(
                        slope, Block.cut(x.matrix, other, 0..<columns), secondTransposed: true)
                    Block.softmaxBackward(&scores, alpha)
                    add(MatrixProduct.of(scores, Block.cut(states, other, 0..<width)), to: &dStates, own)
                    add(
                        MatrixProduct.of(scores, transposed: true, Block.cut(states, own, 0..<width)), to: &dStates,
                        other)
                }
                Kernels.rectifyBackward(&dStates, output: states)
                result.add(attendBack(dStates, &gradients))
                return result
            }
        )
    }
}
