// The only list of layer types in the package: add a file with a conforming struct and one row here.

import Graphs

/// Every operator that Surety understands.
public enum OperatorTable {
  public static let types: [any Operator.Type] = [
    ArgMaxLayer.self, ArithmeticLayer.self, AveragePoolLayer.self, BatchNormalizationLayer.self, CastLayer.self,
    ClipLayer.self, ComparisonLayer.self, ConcatLayer.self, ConstantLayer.self, ConstantOfShapeLayer.self,
    ConvolutionLayer.self, ConvolutionTransposedLayer.self, DequantizeLayer.self, DropoutLayer.self,
    ElementwiseLayer.self, ExpandLayer.self, FlattenLayer.self, GatherLayer.self, GeluLayer.self, GemmLayer.self,
    GlobalPoolLayer.self, IdentityLayer.self, LayerNormalizationLayer.self, MatMulLayer.self, MaxPoolLayer.self,
    OneHotLayer.self, PadLayer.self, QuantizeLayer.self, ReductionLayer.self, ReshapeLayer.self, ResizeLayer.self,
    ShapeLayer.self, SliceLayer.self, SoftmaxLayer.self, SplitLayer.self, SqueezeLayer.self, TransposeLayer.self,
    UnsqueezeLayer.self, WhereLayer.self,
  ]

  /// The operator types by ONNX name.
  public static let byName: [String: any Operator.Type] = {
    var result: [String: any Operator.Type] = [:]
    for type in types { for name in type.names { result[name] = type } }
    return result
  }()
}
