#define LOCAL_H "sub"
