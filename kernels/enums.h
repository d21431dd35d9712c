// Made by `python -m autonomy_perception.ops.enums` from the Python enums named here: change those, not this.
#pragma once
#include <cstdint>

namespace ap {

// autonomy_perception.road_users.ObjectClass
enum ObjectClass : int {
  kClassUnknown = 0,
  kClassCar = 1,
  kClassTruck = 2,
  kClassBus = 3,
  kClassTrailer = 4,
  kClassMotorcycle = 5,
  kClassBicycle = 6,
  kClassPedestrian = 7,
  kClassAnimal = 8,
};
constexpr int kClasses = 9;

// autonomy_perception.types.enums.PointLabel
enum PointLabel : uint8_t {
  kIgnored = 0,
  kGround = 1,
  kObstacle = 2,
  kOverhang = 3,
  kLow = 4,
};
constexpr int kPointLabels = 5;

// autonomy_perception.road_users.Motion
enum Motion : int {
  kMotionConstantVelocity = 0,
  kMotionConstantTurn = 1,
  kMotionBicycle = 2,
};
constexpr int kModels = 3;

// autonomy_perception.ops.imm.State
enum State : int {
  kX = 0,
  kY = 1,
  kVx = 2,
  kVy = 3,
  kYaw = 4,
  kOmega = 5,
};
constexpr int kStates = 6;

// autonomy_perception.ops.cluster.Feature
enum Feature : int {
  kBoxX = 0,
  kBoxY = 1,
  kBoxLength = 2,
  kBoxWidth = 3,
  kBoxYaw = 4,
  kBoxZMin = 5,
  kBoxZMax = 6,
  kBoxHeightMin = 7,
  kBoxHeightMax = 8,
  kBoxGround = 9,
  kBoxEdgeRms = 10,
  kBoxSpanLong = 11,
  kBoxSpanShort = 12,
  kBoxRange = 13,
  kBoxEdgeShare = 14,
  kBoxFaceFill = 15,
  kBoxTopSpan = 16,
};
constexpr int kFeatures = 17;

}  // namespace ap
