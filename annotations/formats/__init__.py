"""Labelled pictures: COCO, Pascal VOC, YOLO and TFRecord, read and written."""
