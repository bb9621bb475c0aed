#define LOCAL_H "other"
