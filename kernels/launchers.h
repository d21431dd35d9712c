// Made by `python -m autonomy_perception.ops.signatures.header` from the table in that folder: change the table, not this.
// port.h includes it, so a launcher that differs from the table does not compile.
#pragma once
#include <cstdint>

#define AP_API extern "C" __attribute__((visibility("default")))
#define AP_BORDER "cb6de5e18388c3e5"

namespace ap {

// What a launcher returns instead of 0 or a count.
enum Refusal : int32_t {
  kEmptyGrid = -1,  // the grid holds no cell
  kResolution = -2,  // the edge of a cell must be above 0 m
  kLayout = -3,  // width must be at least 1 and no step, offset or number of edges below 0
  kShortData = -4,  // data is shorter than its layout says
  kNoPose = -5,  // poses must hold at least one
  kSmallWork = -6,  // work is shorter than ap_ground_work says
  kMinPoints = -7,  // min_points must be at least 1
  kSide = -8,  // side must be 1 to 16384 cells
  kSmallest = -9,  // smallest must be above 0 m
  kNoSector = -10,  // n_azimuth must be at least 1
  kImageSize = -11,  // image and out must hold a pixel
  kImageRows = -12,  // pixel must be 3 or 4 bytes and step hold a row
  kSmallMap = -13,  // map must be at least 2 x 2
  kMinDepth = -14,  // min_depth must be above 0 m
  kNoPillars = -15,  // features must hold at least one pillar of one point
  kTimeBackwards = -16,  // dt must not be below 0 s
  kNoRow = -17,  // rows names a track that does not exist
  kNoHistory = -18,  // history must hold at least 2 frames
  kNoFeature = -19,  // features must have at least one bin, pixel and channel, and at most 512 channels
  kNoTerrain = -20,  // terrain must hold 1 to 254 classes
  kNoBox = -21,  // heat must hold at least one class and fewer than 2^31 values, and rows at least one box
  kCudaError = -1000,  // minus the cudaError_t
};

// Where a field lies in a point of a PointCloud2.
struct FieldAt {
  int32_t offset;  // [bytes]
  int32_t type;  // number of sensor_msgs/PointField, 0 absent
};

// Cells of a bird's-eye view.
struct CellGrid {
  float x0;  // lower-left corner [m]
  float y0;  // [m]
  float inv_res;  // 1 / edge of a cell [1/m]
  int32_t nx;  // columns
  int32_t ny;  // rows
};

// Pinhole camera with the lens models of sensor_msgs/CameraInfo.
struct Lens {
  float fx;  // [px]
  float fy;  // [px]
  float cx;  // [px]
  float cy;  // [px]
  float skew;  // [px]
  float k[6];  // polynomial: k1 k2 k3 over k4 k5 k6; equidistant: k1..k4
  float p1;  // tangential
  float p2;
  float max_sq;  // squared normalised radius beyond which the polynomial folds back
  int32_t model;  // 0 polynomial, 1 equidistant
  int32_t width;  // [px]
  int32_t height;  // [px]
};

// Where output pixels look and how their values are scaled.
struct ImageView {
  float ox;  // pixel (i, j) looks along x = ox + i * sx, y = oy + j * sy
  float oy;
  float sx;
  float sy;
  float scale[3];  // value = byte * scale + shift, in output channel order
  float shift[3];
};

// PointCloud2 bytes to points: decode, crop, self-mask, deskew, compact (order kept).
struct UnpackParams {
  int32_t n_bytes;  // axis 0 of data
  int32_t n_poses;  // axis 0 of poses
  int32_t n_masks;  // axis 0 of masks
  int32_t n;  // axis 0 of xyz
  int32_t n_edges;  // edges of the masks
  int32_t width;  // points per row
  int32_t point_step;  // [bytes]
  int32_t row_step;  // [bytes]
  int32_t swap;  // 1: big endian
  FieldAt x;
  FieldAt y;
  FieldAt z;
  FieldAt intensity_at;
  FieldAt time_at;
  FieldAt ring_at;
  double time_zero;  // time [s] = (raw - time_zero) * time_scale
  double time_scale;
  double intensity_scale;  // intensity = clip(raw * intensity_scale, 0, 1)
  float base[12];  // T_base_sensor, row-major: where a point lay on the body at its own time
  float min_sq;  // squared range limits in the sensor frame [m^2]
  float max_sq;  // [m^2]
  float box[6];  // x_min x_max y_min y_max z_min z_max in the output frame [m]
  float t0;  // pose k holds at t0 + k / inv_dt [s]
  float inv_dt;  // [1/s]
  float around[4];  // x_min x_max y_min y_max in base_link around all masks [m]
};
struct UnpackArgs {
  const uint8_t* data;  // (n_bytes) the message's bytes
  const float* poses;  // (n_poses, 4, 4) columns of T_out_sensor at uniform times
  const float* masks;  // (n_masks, 6 + 3 * n_edges) bounds and outward edges of volumes in base_link [m]
  float* xyz;  // (n, 3) out: [m]
  float* intensity;  // (n) out: 0..1
  float* time;  // (n) out: [s]
  uint16_t* ring;  // (n) out
  int32_t* counts;  // (5) out: kept, then dropped by reason
  UnpackParams p;
};
static_assert(sizeof(UnpackArgs) == 280, "the compiler pads another way than Python");

// Rigid transform of points.
struct TransformParams {
  int32_t n;  // axis 0 of xyz
  float matrix[12];  // T_target_source, rows of a 3x4 matrix
};
struct TransformArgs {
  const float* xyz;  // (n, 3) [m]
  float* out;  // (n, 3) out: [m]
  TransformParams p;
};
static_assert(sizeof(TransformArgs) == 72, "the compiler pads another way than Python");

// Cell iy * nx + ix of each point, -1 outside the grid.
struct CellIdsParams {
  int32_t n;  // axis 0 of xyz
  CellGrid grid;
};
struct CellIdsArgs {
  const float* xyz;  // (n, 3) [m]
  int32_t* ids;  // (n) out
  CellIdsParams p;
};
static_assert(sizeof(CellIdsArgs) == 40, "the compiler pads another way than Python");

// Points grouped by cell with a stable sort: of cell c, order[starts[c] .. starts[c + 1]).
struct CellIndexParams {
  int32_t n;  // axis 0 of ids
  int32_t n_cells;
};
struct CellIndexArgs {
  const int32_t* ids;  // (n) cells; those outside 0..n_cells-1 take no part
  int32_t* order;  // (n) out: indices of points, -1 in the tail
  int32_t* starts;  // (n_cells + 1) out
  CellIndexParams p;
};
static_assert(sizeof(CellIndexArgs) == 32, "the compiler pads another way than Python");

// Statistics per cell of the last column of the values.
struct CellStatsParams {
  int32_t n;  // axis 0 of values
  int32_t stride;  // axis 1 of values
  int32_t n_cells;  // axis 0 of count
};
struct CellStatsArgs {
  const float* values;  // (n, stride)
  const int32_t* ids;  // (n) cells; those outside 0..n_cells-1 take no part
  int32_t* count;  // (n_cells) out
  float* low;  // (n_cells) out: NaN where empty, as the others
  float* high;  // (n_cells) out
  float* mean;  // (n_cells) out
  float* variance;  // (n_cells) out: of the population
  CellStatsParams p;
};
static_assert(sizeof(CellStatsArgs) == 72, "the compiler pads another way than Python");

// Pillars of grouped points, in rising cell order.
struct PillariseParams {
  int32_t n;  // axis 0 of xyz
  int32_t max_pillars;  // axis 0 of features
  int32_t max_points;  // axis 1 of features
  CellGrid grid;
};
struct PillariseArgs {
  const float* xyz;  // (n, 3) [m]
  const float* intensity;  // (n)
  const int32_t* order;  // (n) as from ap_cell_index on the same grid
  const int32_t* starts;  // (grid.nx * grid.ny + 1)
  float* features;  // (max_pillars, max_points, 9) in, out: zero where there is no point
  int32_t* coords;  // (max_pillars, 2) in, out: cell iy, ix; -1 in unused rows
  int32_t* counts;  // (max_pillars) in, out: points stored
  int32_t* totals;  // (2) out: pillars stored, pillars that held a point
  PillariseParams p;
};
static_assert(sizeof(PillariseArgs) == 96, "the compiler pads another way than Python");

// Returns the length of the workspace that ap_ground needs.
struct GroundWorkParams {
  int32_t n;  // points
};
struct GroundWorkArgs {
  GroundWorkParams p;
};
static_assert(sizeof(GroundWorkArgs) == 4, "the compiler pads another way than Python");

// Ground segmentation of one sweep.
struct GroundParams {
  int32_t n;  // axis 0 of xyz
  int32_t words;  // axis 0 of work
  float ox;  // lidar in anchor [m]
  float oy;  // [m]
  float oz;  // [m]
  float ground_z;  // ground under the vehicle in anchor [m]
  float obstacle_height;  // [m]
  float overhead;  // height above ground from which a return is passable [m]
  float rough_height;  // half thickness of the layer of ground where nothing stands [m]
  float steep;  // steepest bank that is ground [-]
};
struct GroundArgs {
  const float* xyz;  // (n, 3) [m], z up
  int32_t* work;  // (words) scratch: ap_ground_work(n)
  uint8_t* label;  // (n) out: PointLabel
  float* height;  // (n) out: above local ground [m], NaN where ignored
  GroundParams p;
};
static_assert(sizeof(GroundArgs) == 72, "the compiler pads another way than Python");

// Connected components of obstacle points in BEV; returns their number.
struct ClusterLabelParams {
  int32_t n;  // axis 0 of xyz
  int32_t min_points;  // smaller clusters are dropped
  int32_t side;  // cells per edge of the square grid
  int32_t ix0;  // index of the grid's first cell in the anchor frame
  int32_t iy0;
  float ox;  // lidar [m]
  float oy;  // [m]
  float max_range;  // [m]
  float cell;  // edge [m]
  float gap;  // reach of a link [m]
  float gap_slope;  // [m per m of range]
  float rise;  // largest empty height inside one object [m]
  float rise_slope;  // [m per m of range]
  float max_length;  // larger components are split [m]
  float max_width;  // [m]
};
struct ClusterLabelArgs {
  const float* xyz;  // (n, 3) [m]
  const uint8_t* label;  // (n) PointLabel
  const float* height;  // (n) above local ground [m], NaN unknown
  uint32_t* mask;  // (side * side) scratch
  int32_t* slot;  // (side * side) scratch
  int32_t* out;  // (n) out: cluster of each point, -1 none
  uint8_t* level;  // (n // min_points + 1) out: 0 by the plain rule, 1 or 2 cut out of something larger
  ClusterLabelParams p;
};
static_assert(sizeof(ClusterLabelArgs) == 120, "the compiler pads another way than Python");

// Points grouped by cluster, ascending inside one; returns the number of grouped points.
struct ClusterOrderParams {
  int32_t n;  // axis 0 of xyz
  int32_t clusters;
};
struct ClusterOrderArgs {
  const float* xyz;  // (n, 3) [m]
  const float* height;  // (n) [m]
  const int32_t* id;  // (n) below clusters; -1 none
  int32_t* order;  // (n) out
  int32_t* offsets;  // (clusters + 1) out
  float* grouped;  // (n, 4) out: x y z height in that order
  ClusterOrderParams p;
};
static_assert(sizeof(ClusterOrderArgs) == 56, "the compiler pads another way than Python");

// L-shape box and shape features of every cluster.
struct ClusterFitParams {
  int32_t used;  // axis 0 of grouped
  int32_t clusters;  // axis 0 of table
  float ox;  // lidar [m]
  float oy;  // [m]
  float smallest;  // distances to an edge below it count alike [m]
  float max_length;  // longer ones keep their axis-parallel box [m]
};
struct ClusterFitArgs {
  const float* grouped;  // (used, 4) x y z height [m]
  const int32_t* offsets;  // (clusters + 1) into grouped
  float* table;  // (clusters, 17) out: columns of ops.cluster.Feature
  ClusterFitParams p;
};
static_assert(sizeof(ClusterFitArgs) == 48, "the compiler pads another way than Python");

// Takes the ground returns of one sweep into the map.
struct TerrainFuseParams {
  int32_t n;  // axis 0 of xyz
  int32_t ny;  // axis 0 of sums
  int32_t nx;  // axis 1 of sums
  float ox;  // lidar in anchor [m]
  float oy;  // [m]
  float shift_x;  // anchor -> grid local [m]
  float shift_y;  // [m]
  float anchor_z;  // anchor -> odom [m]
  float inv_res;  // [1/m]
  float max_range;  // returns farther away are not fused [m]
  float elapsed;  // since the last fusion [s]
};
struct TerrainFuseArgs {
  const float* xyz;  // (n, 3) in anchor [m]
  const uint8_t* label;  // (n) PointLabel
  int64_t* sums;  // (ny, nx, 3) scratch
  const float* slope;  // (ny, nx) of the last derivation [rad]
  float* elevation;  // (ny, nx) in, out: odom z [m], NaN unknown
  float* variance;  // (ny, nx) in, out: [m^2]
  float* spread;  // (ny, nx) in, out: of heights in a cell [m]
  float* age;  // (ny, nx) in, out: [s]
  TerrainFuseParams p;
};
static_assert(sizeof(TerrainFuseArgs) == 112, "the compiler pads another way than Python");

// What the map means for a vehicle.
struct TerrainDeriveParams {
  int32_t ny;  // axis 0 of elevation
  int32_t nx;  // axis 1 of elevation
  float vx;  // lidar in grid local [m]
  float vy;  // [m]
  float res;  // edge of a cell [m]
  float max_slope;  // [rad]
  float max_step;  // [m]
  float clearance;  // between the wheels [m]
  int32_t half_base;  // half a wheelbase [cells]
  int32_t reach;  // how far apart the sides of a ditch may be from its floor [cells]
};
struct TerrainDeriveArgs {
  const float* elevation;  // (ny, nx) [m]
  const float* variance;  // (ny, nx) [m^2]
  const float* spread;  // (ny, nx) [m]
  uint16_t* pits;  // (ny, nx) scratch
  uint8_t* negative;  // (ny, nx) out: 1 ditch or drop
  float* slope;  // (ny, nx) out: [rad]
  float* step;  // (ny, nx) out: [m]
  float* roughness;  // (ny, nx) out: [m]
  float* traversability;  // (ny, nx) out: 1 level .. 0 at a limit, NaN unknown
  float* lethal;  // (ny, nx) out: 0..1
  TerrainDeriveParams p;
};
static_assert(sizeof(TerrainDeriveArgs) == 120, "the compiler pads another way than Python");

// Stores 1 where a cell's centre lies in one of the boxes.
struct FootprintParams {
  int32_t m;  // axis 0 of boxes
  int32_t ny;  // axis 0 of mask
  int32_t nx;  // axis 1 of mask
  float res;  // edge of a cell [m]
  float margin;  // on each side [m]
};
struct FootprintArgs {
  const float* boxes;  // (m, 5) x y length width [m] yaw [rad] in grid local
  uint8_t* mask;  // (ny, nx) in, out
  FootprintParams p;
};
static_assert(sizeof(FootprintArgs) == 40, "the compiler pads another way than Python");

// Adds one scan's evidence.
struct FreespaceParams {
  int32_t n;  // axis 0 of xyz
  int32_t ny;  // axis 0 of hits
  int32_t nx;  // axis 1 of hits
  float ox;  // lidar in anchor [m]
  float oy;  // [m]
  float oz;  // [m]
  float shift_x;  // anchor -> grid local [m]
  float shift_y;  // [m]
  float inv_res;  // [1/m]
  int32_t n_azimuth;  // azimuth sectors
  float max_range;  // farther returns give no free space [m]
  float slope_tolerance;  // how far the slope may fall below the one seen so far [-]
  float gap_factor;  // spacing accepted: floor + factor * predicted [-]
  float gap_floor;  // [m]
  float max_gap;  // and never more than this: a ditch could hide in between [m]
  float shadow_length;  // ground this far behind an obstacle is hidden [m]
  float beam_factor;  // largest elevation step in units of the scan's typical one [-]
};
struct FreespaceArgs {
  const float* xyz;  // (n, 3) in anchor [m]
  const uint8_t* label;  // (n) PointLabel
  int32_t* hits;  // (ny, nx) in, out: obstacle returns
  uint8_t* free;  // (ny, nx) in, out: 0 none, 1 low returns, 2 ground
  uint8_t* shadow;  // (ny, nx) in, out: 1 hidden by an obstacle in front
  FreespaceParams p;
};
static_assert(sizeof(FreespaceArgs) == 112, "the compiler pads another way than Python");

// Fades, adds evidence, clamps, and writes the wire values.
struct LogOddsParams {
  int32_t ny;  // axis 0 of log_odds
  int32_t nx;  // axis 1 of log_odds
  float fade;  // factor per step on occupied evidence
  float fade_free;  // and on free evidence
  float hit;  // log-odds that returns add
  float miss;  // and free ground takes
  float clamp;  // bound upwards
  float clamp_free;  // bound downwards
  float unknown_below;  // smaller |log-odds| go out as unknown
};
struct LogOddsArgs {
  float* log_odds;  // (ny, nx) in, out
  const int32_t* hits;  // (ny, nx)
  const uint8_t* free;  // (ny, nx)
  const float* lethal;  // (ny, nx) 0..1, counts as hits; may be null with lethal
  int8_t* wire;  // (ny, nx) out: nav_msgs/OccupancyGrid
  LogOddsParams p;
};
static_assert(sizeof(LogOddsArgs) == 80, "the compiler pads another way than Python");

// Undistorted, resized, normalised image, channels first.
struct PreprocessParams {
  int32_t out_height;  // axis 1 of out
  int32_t out_width;  // axis 2 of out
  Lens lens;  // of the source
  ImageView view;
  int32_t step;  // per source row [bytes]
  int32_t pixel;  // per source pixel, 3 or 4 [bytes]
  int32_t swap;  // 1: source and output differ in RGB/BGR order
};
struct PreprocessArgs {
  const uint8_t* image;  // ((lens.height - 1) * step + (lens.width - 1) * pixel + 3) rows of the source
  const float* map;  // (out_height, out_width, 2) source pixels, as from ap_undistort_map; may be null with map
  float* out;  // (3, out_height, out_width) out
  PreprocessParams p;
};
static_assert(sizeof(PreprocessArgs) == 152, "the compiler pads another way than Python");

// Source pixel of every output pixel.
struct UndistortMapParams {
  int32_t out_height;  // axis 0 of map
  int32_t out_width;  // axis 1 of map
  Lens lens;  // of the source
  ImageView view;
};
struct UndistortMapArgs {
  float* map;  // (out_height, out_width, 2) out: [px]
  UndistortMapParams p;
};
static_assert(sizeof(UndistortMapArgs) == 128, "the compiler pads another way than Python");

// Lidar points into a camera image.
struct ProjectParams {
  int32_t n;  // axis 0 of xyz
  Lens lens;
  float pose[12];  // T_camera_points, rows of a 3x4 matrix
  float min_depth;  // [m]
};
struct ProjectArgs {
  const float* xyz;  // (n, 3) [m]
  const uint8_t* image;  // (lens.height, lens.width, 3) to sample colours from; may be null with color
  float* uv;  // (n, 2) out: [px], NaN where not in front of the lens
  float* depth;  // (n) out: along the optical axis [m]
  uint8_t* valid;  // (n) out: 1 in view
  uint8_t* color;  // (n, 3) out: of the nearest pixel, zero where not in view; may be null with color
  ProjectParams p;
};
static_assert(sizeof(ProjectArgs) == 176, "the compiler pads another way than Python");

// Sums of a map over points under many projections, in fixed point.
struct MapScoresParams {
  int32_t n;  // axis 0 of points
  int32_t m;  // axis 0 of projections
  int32_t height;  // axis 0 of map
  int32_t width;  // axis 1 of map
};
struct MapScoresArgs {
  const float* points;  // (n, 3) [m]
  const float* weights;  // (n) 0..1
  const float* projections;  // (m, 12) rows of 3x4 matrices, to homogeneous pixels
  const uint8_t* map;  // (height, width)
  int64_t* score;  // (m) out: weight times value
  int64_t* inside;  // (m) out: weight of the points on the map
  MapScoresParams p;
};
static_assert(sizeof(MapScoresArgs) == 64, "the compiler pads another way than Python");

// Intersection over union seen from above, every box against every other.
struct IouBevParams {
  int32_t n;  // axis 0 of a
  int32_t m;  // axis 0 of b
};
struct IouBevArgs {
  const float* a;  // (n, 5) x y length width [m] yaw [rad]
  const float* b;  // (m, 5)
  float* out;  // (n, m) out
  IouBevParams p;
};
static_assert(sizeof(IouBevArgs) == 32, "the compiler pads another way than Python");

// Intersection over union of upright boxes, every one against every other.
struct Iou3dParams {
  int32_t n;  // axis 0 of a
  int32_t m;  // axis 0 of b
};
struct Iou3dArgs {
  const float* a;  // (n, 7) x y z (centre) length width height [m] yaw [rad]
  const float* b;  // (m, 7)
  float* out;  // (n, m) out
  Iou3dParams p;
};
static_assert(sizeof(Iou3dArgs) == 32, "the compiler pads another way than Python");

// Mixes the models and moves them by dt.
struct ImmPredictParams {
  int32_t n;  // axis 0 of mean
  float dt;  // [s]
};
struct ImmPredictArgs {
  double* mean;  // (n, 3, 6) in, out: x y vx vy yaw omega [m, m/s, rad, rad/s]
  double* cov;  // (n, 3, 6, 6) in, out
  double* mu;  // (n, 3) in, out: model probabilities
  const double* noise;  // (n, 3) acceleration, turn acceleration, yaw drift
  const double* length;  // (n) [m]
  const uint8_t* vehicle;  // (n) other than 0 where the track steers
  ImmPredictParams p;
};
static_assert(sizeof(ImmPredictArgs) == 56, "the compiler pads another way than Python");

// Measures x, y, yaw of some tracks.
struct ImmUpdateParams {
  int32_t n;  // axis 0 of mean
  int32_t m;  // axis 0 of rows
};
struct ImmUpdateArgs {
  double* mean;  // (n, 3, 6) in, out
  double* cov;  // (n, 3, 6, 6) in, out
  double* mu;  // (n, 3) in, out
  const int64_t* rows;  // (m) tracks, none of them twice
  const double* z;  // (m, 3) x y [m] yaw [rad]
  const double* r;  // (m, 3, 3)
  const double* delay;  // (m) of the measurement relative to the state's time [s]
  uint8_t* taken;  // (m) out: how many models took the measurement
  ImmUpdateParams p;
};
static_assert(sizeof(ImmUpdateArgs) == 72, "the compiler pads another way than Python");

// Measures vx, vy of some tracks.
struct ImmUpdateVelocityParams {
  int32_t n;  // axis 0 of mean
  int32_t m;  // axis 0 of rows
};
struct ImmUpdateVelocityArgs {
  double* mean;  // (n, 3, 6) in, out
  double* cov;  // (n, 3, 6, 6) in, out
  const int64_t* rows;  // (m) tracks, none of them twice
  const double* velocity;  // (m, 2) [m/s]
  const double* variance;  // (m) isotropic [m^2/s^2]
  uint8_t* taken;  // (m) out: how many models took both
  ImmUpdateVelocityParams p;
};
static_assert(sizeof(ImmUpdateVelocityArgs) == 56, "the compiler pads another way than Python");

// Moment-matched mean and covariance over the models.
struct ImmCombineParams {
  int32_t n;  // axis 0 of mean
};
struct ImmCombineArgs {
  const double* mean;  // (n, 3, 6)
  const double* cov;  // (n, 3, 6, 6) ; may be null with cov
  const double* mu;  // (n, 3)
  double* out_mean;  // (n, 6) out
  double* out_cov;  // (n, 6, 6) out; may be null with cov
  ImmCombineParams p;
};
static_assert(sizeof(ImmCombineArgs) == 48, "the compiler pads another way than Python");

// Cost of giving detections to tracks.
struct PairCostsParams {
  int32_t n;  // axis 0 of tracks
  int32_t m;  // axis 0 of found
};
struct PairCostsArgs {
  const double* tracks;  // (n, 21) columns of tracking.association.Boxes
  const double* cov;  // (n, 2, 2) predicted position [m^2]
  const double* reach;  // (n) largest offset beyond the prediction [m]
  const double* found;  // (m, 21)
  const double* noise;  // (m) position variance of detections [m^2]
  const double* affinity;  // (9, 9) how well a detected class (column) fits a tracked one (row)
  double* cost;  // (n, m) out
  PairCostsParams p;
};
static_assert(sizeof(PairCostsArgs) == 64, "the compiler pads another way than Python");

// Whether most of the inner box lies in the outer one.
struct PairInsideParams {
  int32_t n;  // axis 0 of outer
  int32_t m;  // axis 0 of inner
  float margin;  // [m]
};
struct PairInsideArgs {
  const double* outer;  // (n, 21)
  const double* inner;  // (m, 21)
  uint8_t* out;  // (n, m) out
  PairInsideParams p;
};
static_assert(sizeof(PairInsideArgs) == 40, "the compiler pads another way than Python");

// Second boxes along the axes of the first.
struct PairAlongParams {
  int32_t n;  // axis 0 of first
  int32_t m;  // axis 0 of second
};
struct PairAlongArgs {
  const double* first;  // (n, 21)
  const double* second;  // (m, 21)
  double* out;  // (n, m, 4) out: offset of the centre, length and width after quarter turns [m]
  PairAlongParams p;
};
static_assert(sizeof(PairAlongArgs) == 32, "the compiler pads another way than Python");

// How much of each target lies behind a screen.
struct ShadowedParams {
  int32_t n;  // axis 0 of targets
  int32_t m;  // axis 0 of screens
  float margin;  // a screen must be nearer by this much [m]
};
struct ShadowedArgs {
  const double* targets;  // (n, 3) range [m], bearing, half angular width [rad]
  const double* screens;  // (m, 3)
  double* hidden;  // (n) out: fraction 0..1 of the angular width
  uint8_t* touched;  // (n) out: 1 where an end is touched
  ShadowedParams p;
};
static_assert(sizeof(ShadowedArgs) == 48, "the compiler pads another way than Python");

// Class probabilities from detections, size seen and motion.
struct ClassPosteriorParams {
  int32_t n;  // axis 0 of evidence
};
struct ClassPosteriorArgs {
  const double* evidence;  // (n, 9) log-evidence
  const double* road_user_log_odds;  // (n) [nat]
  const double* seen;  // (n, 2) length and width [m]
  const double* complete;  // (n, 2) 0..1
  const double* height;  // (n) [m]
  const double* speed;  // (n) [m/s]
  const double* travel;  // (n) 0..1
  const double* classes;  // (9, 7) sizes and their deviations [m], top speed [m/s]
  double* out;  // (n, 9) out
  ClassPosteriorParams p;
};
static_assert(sizeof(ClassPosteriorArgs) == 80, "the compiler pads another way than Python");

// Displacement of some tracks within their newest window.
struct DisplacementParams {
  int32_t n;  // axis 0 of history
  int32_t frames;  // axis 1 of history
  int32_t m;  // axis 0 of rows
  float window;  // [s]
};
struct DisplacementArgs {
  const double* history;  // (n, frames, 5) time [s] and bounds x0 y0 x1 y1 [m], NaN where empty
  const int64_t* rows;  // (m) tracks
  double* out;  // (m, 8) out
  DisplacementParams p;
};
static_assert(sizeof(DisplacementArgs) == 40, "the compiler pads another way than Python");

// Cell of the bird's-eye view of every depth bin of every pixel of the feature maps.
struct FrustumCellsParams {
  int32_t cameras;  // axis 0 of views
  int32_t bins;  // axis 0 of depths
  int32_t height;  // axis 2 of ids
  int32_t width;  // axis 3 of ids
  CellGrid grid;
  float u0;  // pixel of the first feature [px]
  float v0;  // [px]
  float step_u;  // from one feature to the next [px]
  float step_v;  // [px]
  float z_min;  // [m]
  float z_max;  // [m]
};
struct FrustumCellsArgs {
  const float* views;  // (cameras, 12) rows of 3x4 matrices: point [m] = depth * A (u, v, 1) + b
  const float* depths;  // (bins) along the optical axis [m]
  int32_t* ids;  // (cameras, bins, height, width) out: -1 outside the grid or the slab of heights
  FrustumCellsParams p;
};
static_assert(sizeof(FrustumCellsArgs) == 88, "the compiler pads another way than Python");

// Row of the context features that each grouped depth bin belongs to.
struct FrustumPixelsParams {
  int32_t n;  // axis 0 of order
  int32_t bins;
  int32_t area;  // pixels of one feature map
};
struct FrustumPixelsArgs {
  const int32_t* order;  // (n) indices into (cameras, bins, area) as from ap_cell_index; -1 none
  int32_t* pixels;  // (n) out: camera * area + pixel; -1 none
  FrustumPixelsParams p;
};
static_assert(sizeof(FrustumPixelsArgs) == 32, "the compiler pads another way than Python");

// Sums depth * context over the bins that fall into each cell.
struct BevPoolParams {
  int32_t n;  // axis 0 of depth
  int32_t m;  // axis 0 of context
  int32_t channels;  // axis 1 of context
  int32_t cells;
  int32_t planes;  // 1: channels first
};
struct BevPoolArgs {
  const float* depth;  // (n) weight of each bin
  const float* context;  // (m, channels) features of each pixel
  const int32_t* order;  // (n) as from ap_cell_index
  const int32_t* pixels;  // (n) as from ap_frustum_pixels
  const int32_t* starts;  // (cells + 1)
  float* out;  // (cells * channels) out: (channels, cells) with planes, else (cells, channels)
  BevPoolParams p;
};
static_assert(sizeof(BevPoolArgs) == 72, "the compiler pads another way than Python");

// Gradients of ap_bev_pool by depth and context.
struct BevPoolGradParams {
  int32_t cameras;  // axis 0 of depth
  int32_t bins;  // axis 1 of depth
  int32_t area;  // axis 2 of depth
  int32_t channels;  // axis 1 of context
  int32_t cells;  // axis 0 of grad
};
struct BevPoolGradArgs {
  const float* depth;  // (cameras, bins, area)
  const float* context;  // (cameras * area, channels)
  const int32_t* ids;  // (cameras, bins, area) cells; those outside 0..cells-1 take no part
  const float* grad;  // (cells, channels) by the output, channels last
  float* grad_depth;  // (cameras, bins, area) out
  float* grad_context;  // (cameras * area, channels) out
  BevPoolGradParams p;
};
static_assert(sizeof(BevPoolGradArgs) == 72, "the compiler pads another way than Python");

// Features of each cell: linear, ReLU, largest over the cell's points; zero where none is.
struct PillarNetParams {
  int32_t n;  // axis 0 of xyz
  int32_t channels;  // axis 1 of weights
  CellGrid grid;
  int32_t max_points;  // of a cell that take part: the first ones
  int32_t planes;  // 1: channels first
};
struct PillarNetArgs {
  const float* xyz;  // (n, 3) [m]
  const float* intensity;  // (n)
  const int32_t* order;  // (n) as from ap_cell_index on the same grid
  const int32_t* starts;  // (grid.nx * grid.ny + 1)
  const float* weights;  // (9, channels) inputs as pillarise.FEATURES
  const float* bias;  // (channels)
  float* out;  // (grid.nx * grid.ny * channels) out: (channels, cells) with planes, else (cells, channels)
  PillarNetParams p;
};
static_assert(sizeof(PillarNetArgs) == 96, "the compiler pads another way than Python");

// What the returns in each cell look like and what ground segmentation says of them.
struct BevCanvasParams {
  int32_t n;  // axis 0 of xyz
  CellGrid grid;
};
struct BevCanvasArgs {
  const float* xyz;  // (n, 3) [m]
  const float* intensity;  // (n) 0..1
  const uint8_t* label;  // (n) PointLabel
  const float* height;  // (n) above local ground [m]; not finite: takes no part
  const int32_t* order;  // (n) as from ap_cell_index on the same grid
  const int32_t* starts;  // (grid.nx * grid.ny + 1)
  float* out;  // (18, grid.ny, grid.nx) out: as canvas.CANVAS
  BevCanvasParams p;
};
static_assert(sizeof(BevCanvasArgs) == 80, "the compiler pads another way than Python");

// Boxes from the heads of a centre-based detector: local maxima, the best of them, suppression.
struct DecodeBoxesParams {
  int32_t classes;  // axis 0 of heat
  int32_t room;  // axis 0 of rows
  CellGrid grid;
  float min_logit;  // smaller logits * sharpness are no object
};
struct DecodeBoxesArgs {
  const float* heat;  // (classes, grid.ny, grid.nx) logits
  const float* box;  // (10, grid.ny, grid.nx) as decode.BOX
  const float* log_variance;  // (9, grid.ny, grid.nx) as decode.BOX_VARIANCE
  const float* sharpness;  // (classes) 1 / temperature of the class's logits
  const float* overlap;  // (classes) IoU above which the less likely of two boxes goes
  const int32_t* group;  // (classes) boxes suppress each other inside a group
  float* rows;  // (room, 18) out: as decode.ROW, the most likely first
  float* scores;  // (room, classes) out: probability of each class at the row's cell
  int32_t* labels;  // (room) out: class of the row, -1 beyond the last
  int32_t* totals;  // (2) out: rows; maxima above the threshold, before the cut to room and suppression
  DecodeBoxesParams p;
};
static_assert(sizeof(DecodeBoxesArgs) == 112, "the compiler pads another way than Python");

// Layers of the ground from the heads of a network, cell by cell.
struct DecodeGroundParams {
  int32_t classes;  // axis 0 of terrain
  int32_t ny;  // axis 1 of terrain
  int32_t nx;  // axis 2 of terrain
  float sharp_terrain;  // 1 / temperature of the logits
  float sharp_drivable;
  float sharp_visibility;
  float widen;  // factor on the variance
  float min_logit;  // a cell of which visibility * sharp_visibility is below it cannot be judged
};
struct DecodeGroundArgs {
  const float* terrain;  // (classes, ny, nx) logits
  const float* drivable;  // (ny, nx) logit
  const float* elevation;  // (2, ny, nx) height [m], natural logarithm of its variance [m^2]
  const float* visibility;  // (ny, nx) logit
  uint8_t* label;  // (ny, nx) out: 1 + the likeliest class, 0 where it cannot be judged
  float* confidence;  // (ny, nx) out: probability of that class, 0 where it cannot be judged
  float* free;  // (ny, nx) out: probability of drivable, NaN where it cannot be judged
  float* height;  // (ny, nx) out: [m], NaN likewise
  float* variance;  // (ny, nx) out: [m^2], NaN likewise
  DecodeGroundParams p;
};
static_assert(sizeof(DecodeGroundArgs) == 104, "the compiler pads another way than Python");

}  // namespace ap

AP_API int32_t ap_unpack(const ap::UnpackArgs&, void* stream);
AP_API int32_t ap_transform(const ap::TransformArgs&, void* stream);
AP_API int32_t ap_cell_ids(const ap::CellIdsArgs&, void* stream);
AP_API int32_t ap_cell_index(const ap::CellIndexArgs&, void* stream);
AP_API int32_t ap_cell_stats(const ap::CellStatsArgs&, void* stream);
AP_API int32_t ap_pillarise(const ap::PillariseArgs&, void* stream);
AP_API int32_t ap_ground_work(const ap::GroundWorkArgs&, void* stream);
AP_API int32_t ap_ground(const ap::GroundArgs&, void* stream);
AP_API int32_t ap_cluster_label(const ap::ClusterLabelArgs&, void* stream);
AP_API int32_t ap_cluster_order(const ap::ClusterOrderArgs&, void* stream);
AP_API int32_t ap_cluster_fit(const ap::ClusterFitArgs&, void* stream);
AP_API int32_t ap_terrain_fuse(const ap::TerrainFuseArgs&, void* stream);
AP_API int32_t ap_terrain_derive(const ap::TerrainDeriveArgs&, void* stream);
AP_API int32_t ap_footprint(const ap::FootprintArgs&, void* stream);
AP_API int32_t ap_freespace(const ap::FreespaceArgs&, void* stream);
AP_API int32_t ap_log_odds(const ap::LogOddsArgs&, void* stream);
AP_API int32_t ap_preprocess(const ap::PreprocessArgs&, void* stream);
AP_API int32_t ap_undistort_map(const ap::UndistortMapArgs&, void* stream);
AP_API int32_t ap_project(const ap::ProjectArgs&, void* stream);
AP_API int32_t ap_map_scores(const ap::MapScoresArgs&, void* stream);
AP_API int32_t ap_iou_bev(const ap::IouBevArgs&, void* stream);
AP_API int32_t ap_iou_3d(const ap::Iou3dArgs&, void* stream);
AP_API int32_t ap_imm_predict(const ap::ImmPredictArgs&, void* stream);
AP_API int32_t ap_imm_update(const ap::ImmUpdateArgs&, void* stream);
AP_API int32_t ap_imm_update_velocity(const ap::ImmUpdateVelocityArgs&, void* stream);
AP_API int32_t ap_imm_combine(const ap::ImmCombineArgs&, void* stream);
AP_API int32_t ap_pair_costs(const ap::PairCostsArgs&, void* stream);
AP_API int32_t ap_pair_inside(const ap::PairInsideArgs&, void* stream);
AP_API int32_t ap_pair_along(const ap::PairAlongArgs&, void* stream);
AP_API int32_t ap_shadowed(const ap::ShadowedArgs&, void* stream);
AP_API int32_t ap_class_posterior(const ap::ClassPosteriorArgs&, void* stream);
AP_API int32_t ap_displacement(const ap::DisplacementArgs&, void* stream);
AP_API int32_t ap_frustum_cells(const ap::FrustumCellsArgs&, void* stream);
AP_API int32_t ap_frustum_pixels(const ap::FrustumPixelsArgs&, void* stream);
AP_API int32_t ap_bev_pool(const ap::BevPoolArgs&, void* stream);
AP_API int32_t ap_bev_pool_grad(const ap::BevPoolGradArgs&, void* stream);
AP_API int32_t ap_pillar_net(const ap::PillarNetArgs&, void* stream);
AP_API int32_t ap_bev_canvas(const ap::BevCanvasArgs&, void* stream);
AP_API int32_t ap_decode_boxes(const ap::DecodeBoxesArgs&, void* stream);
AP_API int32_t ap_decode_ground(const ap::DecodeGroundArgs&, void* stream);
AP_API const char* ap_border();                    // AP_BORDER of the header that the library was built with
AP_API const char* ap_cuda_error_name(int32_t);    // of the CUDA build
AP_API const char* ap_cuda_error_string(int32_t);  // of the CUDA build
AP_API void ap_spread(int32_t on);                 // of the CPU build
AP_API void ap_release();                          // of the CPU build
